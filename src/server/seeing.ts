/**
 * Which events a reader hears: those of what they may read, and those of their own requests, as lists are.
 *
 * @module
 */
import type { Overview } from '../deploy/overview.ts'
import type { Told } from '../event/event.ts'
import type { Cluster, RequestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Caller } from './caller.ts'
import type { Desk } from './desk.ts'
import { reaches } from './reach.ts'

export type SeeingOptions = {
  readonly caller: Caller
  readonly desk: Pick<Desk, 'verdict'>
  readonly overview: Pick<Overview, 'lastTip' | 'fed'>
  /** Only what is about this cluster. */
  readonly cluster: Cluster | undefined
}

/** Says of each event what its reader hears of it; `undefined`: nothing. */
export type Seeing = (told: Told) => Promise<Told | undefined>

/** Requests that are remembered at once; older ones are asked for again. */
const most = 1_000

/** Makes the judge of one stream. */
export function seeingFor(options: SeeingOptions): Seeing {
  const { caller, cluster } = options
  const request = remembering(options)
  // Releases that the reader's own requests are changing: their cluster and name.
  const own = new Map<RequestId, readonly string[]>()
  return judge({
    ...options,
    note: request.note,
    async request(id) {
      const one = await request.find(id)
      const isMeant = one !== undefined && (cluster === undefined || one.cluster === cluster)
      return isMeant && caller.sees(one) ? one : undefined
    },
    async release(on, release) {
      if (cluster !== undefined && cluster !== on) return false
      if (caller.may({ verb: 'read', cluster: on })) return true
      return [...own.values()].some((some) => some.includes(`${on} ${release}`)) || isFed(on, release, options)
    },
    began: ({ id, cluster: on }, releases) =>
      own.set(
        id,
        releases.map((release) => `${on} ${release}`),
      ),
    ended: (id) => own.delete(id),
  })
}

type Judging = SeeingOptions & {
  readonly note: (request: DeployRequest) => void
  /** The request, where the reader may hear of it. */
  readonly request: (id: RequestId) => Promise<DeployRequest | undefined>
  /** Whether the reader may hear of a release. */
  readonly release: (on: Cluster, release: string) => Promise<boolean>
  readonly began: (request: DeployRequest, releases: readonly string[]) => void
  readonly ended: (id: RequestId) => void
}

function judge(judging: Judging): Seeing {
  const { caller, cluster, note, request, release, began, ended } = judging
  return async (told) => {
    switch (told.kind) {
      case 'accepted':
        note(told.request)
        return (await request(told.request.id)) && told
      case 'committed':
      case 'unchanged': {
        const one = await request(told.id)
        if (one !== undefined) began(one, told.releases)
        return one && told
      }
      case 'pushed': {
        const all = await Promise.all(told.ids.map(request))
        return all.every((one) => one !== undefined) ? told : undefined
      }
      case 'finished': {
        const { verdict } = told
        ended(verdict.id)
        if (told.request === undefined) return isWhole(verdict.cluster, judging) ? told : undefined
        note(told.request)
        return (await request(verdict.id)) && veiled(told, caller)
      }
      case 'planned':
        return isWhole(told.cluster, judging) ? told : undefined
      case 'applying':
      case 'applied':
      case 'waiting':
        return (await release(told.cluster, told.unit)) ? told : undefined
      case 'judged':
        return (await release(told.cluster, told.release.release)) ? told : undefined
      case 'note':
        return cluster === undefined && caller.may({ verb: 'read' }) ? told : undefined
    }
  }
}

/** Hints of a verdict that list what else there is are for those who may read it. Where nothing is hidden it is the event itself. */
export function veiled(told: Told, caller: Caller): Told {
  if (told.kind !== 'finished') return told
  const verdict = caller.shown(told.verdict)
  return verdict === told.verdict ? told : { ...told, verdict }
}

/** About a cluster as a whole. */
function isWhole(on: Cluster, { caller, cluster }: SeeingOptions): boolean {
  return (cluster === undefined || cluster === on) && caller.may({ verb: 'read', cluster: on })
}

/** Whether the reader may read a release, as the repo says by now what feeds it. */
async function isFed(on: Cluster, release: string, { caller, overview }: SeeingOptions): Promise<boolean> {
  const tip = await overview.lastTip()
  const fed = tip === undefined ? [] : await overview.fed(tip, on)
  return fed.some((one) => one.release === release && reaches(caller, 'read', one))
}

function remembering({ desk }: SeeingOptions) {
  const known = new Map<RequestId, DeployRequest>()
  const note = (request: DeployRequest): void => {
    known.set(request.id, request)
    const [oldest] = known.keys()
    if (known.size > most && oldest !== undefined) known.delete(oldest)
  }
  return {
    note,
    find: async (id: RequestId): Promise<DeployRequest | undefined> => {
      const found = known.get(id) ?? (await desk.verdict(id, 0))?.request
      if (found !== undefined) note(found)
      return found
    },
  }
}
