/**
 * A deploy that writes nothing: the edit it would make, as a diff.
 *
 * @module
 */
import { createTwoFilesPatch } from 'diff'
import { MgoError } from '../error.ts'
import type { World } from '../ports.ts'
import type { DeployRequest } from '../release/request.ts'
import { draft } from './draft.ts'

export type Rehearsed = {
  /** `namespace/name` of the releases it is about. */
  readonly releases: readonly string[]
  /** One unified diff a file; empty where the repo says so already. */
  readonly diffs: readonly string[]
}

/** Drafts a request on the newest tip. Throws what a deploy would be refused with. */
export async function rehearse(request: DeployRequest, { repo }: Pick<World, 'repo'>): Promise<Rehearsed> {
  const tip = await repo.fetch()
  if (tip === undefined)
    throw new MgoError({ code: 'GIT_NOT_A_REPO', message: `${repo.name} is empty`, hint: 'Push a first commit to it.' })
  const [drafted] = await draft([request], tip, { repo })
  if (drafted === undefined) throw new Error('nothing was drafted')
  if (drafted.kind === 'refused') {
    const [first] = drafted.problems
    if (first === undefined) throw new Error('refused without a problem')
    throw new MgoError(first, { problems: drafted.problems })
  }
  const releases = drafted.releases.map(({ namespace, name }) => `${namespace}/${name}`)
  if (drafted.kind === 'unchanged') return { releases, diffs: [] }
  const tree = await repo.tree(tip, `installations/${request.cluster}`)
  const diffs = await Promise.all(
    [...drafted.commit.files].map(async ([path, bytes]) => {
      const oid = tree.get(path)?.oid ?? ''
      const before = new TextDecoder().decode((await repo.read([oid])).get(oid))
      return createTwoFilesPatch(`a/${path}`, `b/${path}`, before, new TextDecoder().decode(bytes)).replace(
        /^(?:Index: .*\n)?=+\n/,
        '',
      )
    }),
  )
  return { releases, diffs }
}
