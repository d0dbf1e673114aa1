/**
 * Quay: all tags of a push, no signature, no id and no time.
 *
 * @module
 */
import { ignored, missing, pushed, type Artifact, type Vendor } from './hook.ts'
import { at, hostOf, listAt, textAt } from './hook-fields.ts'

export const quay: Vendor = {
  name: 'quay',
  title: 'Quay',
  proofs: [{ kind: 'path' }],
  timeless: true,
  read({ body }) {
    const repository = textAt(body, 'repository')
    const tags = listAt(body, 'updated_tags') ?? keysOf(at(body, 'updated_tags'))
    // Scans, builds and mirror syncs come without tags.
    if (repository !== undefined && tags === undefined) return ignored('the event lists no tags')
    if (repository === undefined || tags === undefined) return missing('repository')
    const registry = hostOf(textAt(body, 'docker_url'))
    const artifacts = tags.flatMap((tag): Artifact[] =>
      typeof tag === 'string' && tag !== '' ? [{ registry, repository, tag }] : [],
    )
    return artifacts.length === 0 ? ignored('the event lists no tags') : pushed(artifacts)
  },
}

/** Older ones have a map: each tag, and the image that it is. */
function keysOf(found: unknown): readonly string[] | undefined {
  return typeof found === 'object' && found !== null ? Object.keys(found) : undefined
}
