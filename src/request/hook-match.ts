/**
 * What a delivery asks of this server: its tags beside the settings of its hook. A payload selects among what the
 * settings allow, and adds nothing to it but the tag.
 *
 * @module
 */
import type { Cluster } from '../release/ids.ts'
import { isTag } from '../release/image.ts'
import type { Artifact, Hook, HookImage } from './hook.ts'

/** One deploy that a tag may become, if the policy for tags agrees. */
export type Wanted = {
  readonly image: HookImage
  readonly cluster: Cluster
  readonly tag: string
  readonly event?: string | undefined
}

/** A tag that nothing is done about, and why. */
export type Passed = { readonly image: string; readonly why: string }

export type Matched = { readonly wanted: readonly Wanted[]; readonly ignored: readonly Passed[] }

/** Puts artifacts and settings together: every tag, every image, every cluster; none twice. */
export function match(artifacts: readonly Artifact[], hook: Pick<Hook, 'images' | 'registry'>): Matched {
  const wanted = new Map<string, Wanted>()
  const ignored = new Map<string, Passed>()
  for (const { registry: told, repository, tag, event } of artifacts) {
    const registry = hook.registry ?? told
    const name = registry === undefined ? repository : `${registry}/${repository}`
    const shown = `${name}:${tag}`
    const images = hook.images.filter((one) => canonical(one.repository) === canonical(name))
    if (images.length === 0) ignored.set(shown, { image: shown, why: 'no image of this hook is pushed there' })
    else if (!isTag(tag)) ignored.set(shown, { image: shown, why: 'this is no valid tag' })
    else
      for (const image of images)
        for (const cluster of image.clusters) {
          const key = `${image.image}\n${image.source}\n${cluster}\n${tag}`
          if (!wanted.has(key)) wanted.set(key, { image, cluster, tag, event })
        }
  }
  return { wanted: [...wanted.values()], ignored: [...ignored.values()] }
}

/** Docker Hub has many names, and its own images stand in `library/`. Hosts are written in any case. */
function canonical(name: string): string {
  const [first = '', ...rest] = name.split('/')
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost')
  const host = isHost ? first.toLowerCase() : 'docker.io'
  const path = (isHost ? rest : [first, ...rest]).join('/')
  if (!/^(?:(?:index|registry-1|registry)\.)?docker\.io$/.test(host)) return `${host}/${path}`
  return `docker.io/${path.includes('/') ? path : `library/${path}`}`
}
