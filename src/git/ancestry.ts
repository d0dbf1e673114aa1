/**
 * What lies between two commits of a branch, and whether it still holds what it held. What lies near is found without a program of its own: whoever was late for a push
 * reads a branch that is a few commits further, and is late again if that takes long.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import { type Commit, parseCommit } from '../release/ids.ts'
import type { Objects } from './objects.ts'
import type { Git } from './program.ts'

/** Commits that are looked at before git is asked. */
const nearby = 32

export type Mirrored = { readonly objects: Pick<Objects, 'commit'>; readonly git: Git }

/** Throws GIT_REWRITTEN unless `old` is `tip` or an ancestor of it. `what`: the branch, for people. */
export async function checkDescends(
  { old, tip }: { readonly old: Commit; readonly tip: Commit | undefined },
  what: string,
  { objects, git }: Mirrored,
): Promise<void> {
  if (tip !== undefined && (await isNear(old, tip, objects))) return
  const ran = tip === undefined ? undefined : await git(['merge-base', '--is-ancestor', old, tip])
  if (ran?.code === 0) return
  throw new MgoError({
    code: 'GIT_REWRITTEN',
    message: `${what} no longer holds ${old.slice(0, 12)}: its history was rewritten`,
    hint: 'mgo never pushes by force and stops here. If the rewrite was meant, start mgo again; it then takes the branch as it is.',
  })
}

async function isNear(old: Commit, tip: Commit, objects: Mirrored['objects']): Promise<boolean> {
  const seen = new Set<Commit>([tip])
  for (const commit of seen) {
    if (commit === old) return true
    if (seen.size > nearby) return false
    for (const parent of await parentsOf(commit, objects)) seen.add(parent)
  }
  return false
}

/** None where it cannot be read: git then says why. */
async function parentsOf(commit: Commit, objects: Mirrored['objects']): Promise<readonly Commit[]> {
  return (await read(commit, objects)).parents
}

export type Near = { readonly id: Commit; readonly message: string }

/**
 * The commits from `tip` down to `old`, newest first, `old` excluded. `undefined` where that is no single line, or not near:
 * then it is for git to say.
 */
export async function lineTo(
  old: Commit,
  tip: Commit,
  objects: Mirrored['objects'],
): Promise<readonly Near[] | undefined> {
  const line: Near[] = []
  let id: Commit | undefined = tip
  while (id !== undefined && id !== old && line.length < nearby) {
    const { message, parents }: Read = await read(id, objects)
    line.push({ id, message })
    id = parents.length === 1 ? parents[0] : undefined
  }
  return id === old ? line : undefined
}

type Read = { readonly parents: readonly Commit[]; readonly message: string }

async function read(commit: Commit, objects: Mirrored['objects']): Promise<Read> {
  const text = Buffer.from(await objects.commit(commit).catch(() => new Uint8Array())).toString('utf8')
  const end = text.indexOf('\n\n')
  const header = end < 0 ? text : text.slice(0, end)
  const parents = [...header.matchAll(/^parent ([0-9a-f]+)$/gm)].flatMap(([, id = '']) => parseCommit(id) ?? [])
  return { parents, message: end < 0 ? '' : text.slice(end + 2) }
}
