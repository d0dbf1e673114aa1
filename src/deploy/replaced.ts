/**
 * Whether what was asked still stands where the cluster was brought to: a later commit may ask for something else.
 *
 * @module
 */
import type { Repo } from '../ports.ts'
import type { Commit } from '../release/ids.ts'
import type { Verdict } from '../release/verdict.ts'
import type { Outcome } from './outcome.ts'
import { draft } from './draft.ts'

type Made = Extract<Outcome, { readonly kind: 'committed' | 'unchanged' }>

/**
 * The verdict of a request that a later commit has replaced, or `undefined` where it stands.
 *
 * @throws MgoError GIT_*
 */
export async function replacement(
  made: Made,
  at: Commit,
  repo: Repo,
): Promise<Pick<Verdict, 'verdict' | 'releases' | 'supersededBy'> | undefined> {
  if (at === made.commit || at === made.tip || (await sameFiles(made, at, repo))) return undefined
  const [drafted] = await draft([made.request], at, { repo })
  if (drafted?.kind === 'unchanged') return undefined
  const [first] = made.releases
  const last = first === undefined ? undefined : (await repo.history(at, first.path, 1))[0]
  const later = last === undefined ? [] : [...(await repo.requestsIn(made.commit, at))]
  const by = later.find(([, commit]) => commit === last?.commit)?.[0]
  const who = last === undefined ? 'a later commit' : `the commit ${last.commit.slice(0, 12)} of ${last.author}`
  return {
    verdict: 'superseded',
    releases: made.releases.map(({ namespace, name }) => ({
      release: `${namespace}/${name}`,
      verdict: 'superseded',
      reason: `${who} asks for something else since`,
    })),
    ...(by === undefined ? {} : { supersededBy: by }),
  }
}

async function sameFiles({ request, releases, tip }: Made, at: Commit, repo: Repo): Promise<boolean> {
  const folder = `installations/${request.cluster}`
  const [before, after] = await Promise.all([repo.tree(tip, folder), repo.tree(at, folder)])
  return releases.every(({ path }) => before.get(path) !== undefined && before.get(path)?.oid === after.get(path)?.oid)
}
