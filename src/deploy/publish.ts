/**
 * The engine `render`: manifests, sorted and stable, committed to the branch `rendered/<cluster>`, one file an object.
 * It touches no cluster; Argo CD, Flux or a person reads the branch.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import { type RenderedUnit, renderedFiles } from '../manifest/rendered.ts'
import type { NewCommit, Repo, World } from '../ports.ts'
import type { Commit } from '../release/ids.ts'
import { showUnit } from '../release/release.ts'
import type { ReleaseVerdict } from '../release/verdict.ts'
import { broken } from './round.ts'
import { engineOf, targetOf, type Wanted } from './survey.ts'

/** Turns until mgo gives up on a branch that somebody else writes to as well. */
const turns = 8

/** Renders what the commit wants rendered, and pushes it where it differs. A verdict for each unit; never rejects. */
export async function publish(wanted: Wanted, world: World): Promise<readonly ReleaseVerdict[]> {
  if (wanted.rendered.length === 0) return []
  const names = wanted.rendered.map(showUnit)
  world.tell({ kind: 'note', text: `rendering ${names.length} releases for the branch rendered/${wanted.cluster}` })
  try {
    const units = await renderAll(wanted, world)
    const failed = units.flatMap((one) => (one.kind === 'failed' ? [one.verdict] : []))
    if (failed.length > 0)
      return names.map((name) => failed.find((one) => one.release === name) ?? withheld(name, wanted))
    const rendered = units.flatMap((one) => (one.kind === 'ok' ? [one.unit] : []))
    const branch = `rendered/${wanted.cluster}`
    const commit = await land(renderedFiles(rendered), { wanted, world, repo: world.repo.other(branch) })
    const reason = `its manifests are on the branch ${branch} at ${commit.slice(0, 12)}; whoever applies them was not watched`
    return names.map((release) => ({ release, verdict: 'rendered', reason }))
  } catch (error) {
    return names.map((name) => broken(name, error))
  }
}

type One =
  | { readonly kind: 'ok'; readonly unit: RenderedUnit }
  | { readonly kind: 'failed'; readonly verdict: ReleaseVerdict }

/** Renders every unit of the commit that is meant for the branch. */
async function renderAll(wanted: Wanted, world: World): Promise<readonly One[]> {
  const target = targetOf(wanted, world, world.offline)
  const all: One[] = []
  for (const unit of wanted.rendered) {
    try {
      const objects = await engineOf(unit, world.engines).render(unit, target)
      all.push({ kind: 'ok', unit: { name: showUnit(unit), objects } })
    } catch (error) {
      all.push({ kind: 'failed', verdict: broken(showUnit(unit), error) })
    }
  }
  return all
}

function withheld(release: string, { cluster }: Wanted): ReleaseVerdict {
  const reason = `another release of ${cluster} cannot be rendered, so the branch stays as it was`
  return { release, verdict: 'failed', reason, code: 'CHART_INVALID', hint: 'Mend that one; it is told beside this.' }
}

type Landing = { readonly wanted: Wanted; readonly world: World; readonly repo: Repo }

/** Commits the files where they differ. The branch holds nothing but them. */
async function land(files: ReadonlyMap<string, Uint8Array>, { wanted, world, repo }: Landing): Promise<Commit> {
  for (let turn = 1; turn <= turns; turn++) {
    const base = await repo.fetch()
    const changed = base === undefined ? new Map(files) : await difference(files, base, repo)
    if (changed.size === 0 && base !== undefined) return base
    const [next] = await repo.write(base, [commitOf(changed, wanted, world)])
    if (next === undefined) throw new Error('no commit was made')
    const pushed = await repo.push(base, next)
    if (pushed.kind === 'pushed') return next
    if (pushed.kind === 'refused') throw refused(repo, pushed.why)
  }
  throw new MgoError({
    code: 'GIT_BUSY',
    message: `the branch ${repo.branch} moved ${turns} times while mgo was pushing`,
    hint: 'Does somebody else write to it? It is mgo’s own.',
  })
}

async function difference(
  files: ReadonlyMap<string, Uint8Array>,
  base: Commit,
  repo: Repo,
): Promise<Map<string, Uint8Array | undefined>> {
  const tree = await repo.tree(base, '')
  const blobs = await repo.read([...tree.values()].map(({ oid }) => oid))
  const changed = new Map<string, Uint8Array | undefined>()
  for (const [path, bytes] of files) {
    const entry = tree.get(path)
    if (entry === undefined || !same(blobs.get(entry.oid), bytes)) changed.set(path, bytes)
  }
  for (const path of tree.keys()) if (!files.has(path)) changed.set(path, undefined)
  return changed
}

function same(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i])
}

function commitOf(files: ReadonlyMap<string, Uint8Array | undefined>, wanted: Wanted, world: World): NewCommit {
  const message = `Render ${wanted.cluster} at ${wanted.commit.slice(0, 12)}\n\nMgo-Rendered-From: ${wanted.commit}\n`
  return { files, message, author: { name: 'mgo', email: 'mgo@localhost' }, at: world.clock.now() }
}

function refused({ branch, name }: Repo, why: string): MgoError {
  return new MgoError({
    code: 'GIT_REFUSED',
    message: `${name} refused the push to ${branch}: ${why}`,
    hint: 'Give mgo the right to push to the branches rendered/*.',
  })
}
