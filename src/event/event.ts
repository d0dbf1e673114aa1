/**
 * What happened. One stream; terminal, server, Slack and journal are readers of it.
 *
 * @module
 */
import type { Cluster, Commit, RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import type { ReleaseVerdict, Verdict } from '../release/verdict.ts'

export type Event =
  | { readonly kind: 'accepted'; readonly request: DeployRequest }
  | {
      readonly kind: 'committed'
      readonly id: RequestId
      readonly commit: Commit
      readonly files: readonly string[]
      /** `namespace/name` of the releases that it is about. */
      readonly releases: readonly string[]
    }
  | {
      readonly kind: 'unchanged'
      readonly id: RequestId
      readonly commit: Commit
      readonly releases: readonly string[]
    }
  | { readonly kind: 'pushed'; readonly ids: readonly RequestId[]; readonly commit: Commit; readonly turns: number }
  | {
      readonly kind: 'planned'
      readonly cluster: Cluster
      readonly apply: number
      readonly keep: number
      readonly prune: number
    }
  | { readonly kind: 'applying'; readonly cluster: Cluster; readonly unit: string; readonly reason: string }
  | { readonly kind: 'applied'; readonly cluster: Cluster; readonly unit: string; readonly revision: number }
  | { readonly kind: 'waiting'; readonly cluster: Cluster; readonly unit: string; readonly reason: string }
  | { readonly kind: 'judged'; readonly cluster: Cluster; readonly release: ReleaseVerdict }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'finished'; readonly verdict: Verdict; readonly request?: DeployRequest }

/** An event with the time it was told, milliseconds since the epoch. */
export type Told = Event & { readonly at: number }

export type Tell = (event: Event) => void
