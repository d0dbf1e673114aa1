/**
 * Which tags the image of a source has on a cluster by now, as the repo says.
 *
 * @module
 */
import { mayName } from '../manifest/change.ts'
import { currentTag } from '../manifest/current.ts'
import type { World } from '../ports.ts'
import type { Cluster } from '../release/ids.ts'
import { valuesFiles } from './draft.ts'

/** The tags, of all values files that name the source. Empty where there is none. */
export async function currentTags(
  cluster: Cluster,
  source: string,
  { repo }: Pick<World, 'repo'>,
): Promise<readonly string[]> {
  const tip = await repo.tip()
  if (tip === undefined) return []
  const files = await valuesFiles(cluster, tip, repo)
  return [...files].flatMap(([path, bytes]) => (mayName(bytes, source) ? (currentTag(path, bytes, source) ?? []) : []))
}
