/**
 * What runs on a cluster, since when, and by whom: the records beside the commits that asked for them. Costs one LIST
 * for each engine.
 *
 * @module
 */
import { plan } from '../plan/plan.ts'
import type { World } from '../ports.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import { stepName } from './round.ts'
import { survey } from './survey.ts'

export type Standing = {
  readonly release: string
  /** `current`: what runs is what the repo asks for. */
  readonly state: 'current' | 'behind' | 'missing' | 'orphan'
  readonly says: string
  readonly revision?: number
  readonly since?: string
  readonly by?: string
  readonly commit?: string
  readonly subject?: string
}

/** Looks at every unit of a cluster. */
export async function standing(cluster: Cluster, commit: Commit, world: World): Promise<readonly Standing[]> {
  const seen = await survey(cluster, commit, world)
  return Promise.all(
    plan(seen).map(async (step): Promise<Standing> => {
      const release = stepName(step)
      const { record } = step
      const known =
        record === undefined ? {} : { revision: record.revision, ...(record.since ? { since: record.since } : {}) }
      if (step.kind === 'prune') return { release, state: 'orphan', says: step.reason, ...known }
      const path = step.unit.kind === 'chart' ? step.unit.release.path : step.unit.file.path
      const last = await world.repo.lastChange(commit, path)
      const by = last === undefined ? {} : { by: last.author, commit: last.commit.slice(0, 12), subject: last.subject }
      const state = step.kind === 'keep' ? 'current' : record === undefined ? 'missing' : 'behind'
      return { release, state, says: step.reason, ...known, ...by }
    }),
  )
}
