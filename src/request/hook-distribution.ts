/**
 * Notifications of distribution, the registry of the CNCF, which GitLab's registry is a fork of. One delivery carries
 * many events, pulls and layers among them; each has an id of its own.
 *
 * @module
 */
import { ignored, missing, pushed, type Artifact, type Vendor } from './hook.ts'
import { listAt, textAt } from './hook-fields.ts'

export const distribution: Vendor = {
  name: 'distribution',
  title: 'distribution, GitLab’s registry',
  proofs: [{ kind: 'header', names: ['authorization', 'x-webhook-secret'] }],
  read({ body }) {
    const events = listAt(body, 'events')
    if (events === undefined) return missing('events')
    const pushes = events.filter((event) => textAt(event, 'action') === 'push' && textAt(event, 'target', 'tag'))
    const artifacts = pushes.flatMap((event): Artifact[] => {
      const [repository, tag] = [textAt(event, 'target', 'repository'), textAt(event, 'target', 'tag')]
      if (repository === undefined || tag === undefined) return []
      const registry = textAt(event, 'request', 'host')
      return [{ registry, repository, tag, digest: textAt(event, 'target', 'digest'), event: textAt(event, 'id') }]
    })
    if (artifacts.length === 0) return ignored('no event is a push of a tag')
    // Whoever pulled meanwhile pushed nothing.
    return pushed(artifacts, pushes.map((event) => textAt(event, 'actor', 'name')).find(Boolean))
  },
}
