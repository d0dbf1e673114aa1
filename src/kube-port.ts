/**
 * What stories and engines need of one cluster, as types only: the part of ports.ts that speaks of an API server.
 *
 * @module
 */
import type { K8sObject, ObjectId } from './release/object.ts'

/** How the API server names and serves a kind. */
export type Resource = {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly namespaced: boolean
  /** Whether a status subresource is served: such an object without a status has not been looked at yet. */
  readonly hasStatus: boolean
}

/**
 * `added` and `modified` carry the whole object; `gone` its last state. `synced`: all that was before this moment has
 * been told. `lost`: the connection broke; what is known may be out of date until the next `synced`.
 */
export type WatchEvent =
  | { readonly kind: 'added' | 'modified' | 'gone'; readonly object: K8sObject }
  | { readonly kind: 'synced' | 'lost' }

export type Selection = {
  readonly resource: Pick<Resource, 'group' | 'version' | 'plural' | 'namespaced'>
  /** '' lists every namespace. */
  readonly namespace: string
  readonly labels?: string
  readonly fields?: string
}

export type ApplyOptions = {
  readonly manager: string
  readonly force?: boolean
  readonly dryRun?: boolean
}

/** What proves who we are to an API server. PEM texts; a token is asked for again before each request. */
export type Credential = {
  readonly token?: string
  readonly cert?: string
  readonly key?: string
}

/** How to reach one API server. Secrets in here go to the server only. */
export type Login = {
  readonly context: string
  readonly server: string
  /** The context's own namespace. */
  readonly namespace?: string
  /** PEM; absent for the machine's own authorities. */
  readonly ca?: string
  readonly serverName?: string
  readonly insecure?: boolean
  readonly proxy?: string
  readonly impersonate?: { readonly user: string; readonly groups: readonly string[] }
  /** What else opens this server and mgo never sends; helm reads the same kubeconfig and does. */
  readonly unsent?: readonly string[]
  /** mgo runs in a pod and uses its service account: there is no kubeconfig, and so no context that helm could find. */
  readonly insidePod?: boolean
  /** Cheap when nothing is out of date. `again` says that the last one was refused. */
  credential(again?: 'again'): Promise<Credential>
}

/** How an API server was last heard. Times are milliseconds since the epoch. */
export type Hearing = {
  /** Its last answer; `undefined`: it never gave one. */
  readonly heardAt: number | undefined
  /** When it was first asked something that it has not answered; `undefined`: nothing is open. */
  readonly silentSince: number | undefined
  /** Why the last request got no answer; `undefined`: it got one, or is still open. */
  readonly why: string | undefined
}

/** How many requests may be under way on an API server: seats taken, seats there are, and who waits for one. */
export type Load = { readonly inUse: number; readonly limit: number; readonly waiting: number }

/** One cluster, through our own thin client. Plain JSON in and out. Throws MgoError KUBE_*, KUBECONFIG_INVALID. */
export type Kube = {
  readonly context: string
  readonly server: string
  readonly insidePod: boolean
  /** Where an object goes that names no namespace. */
  readonly namespace: string
  version(): Promise<{ readonly gitVersion: string; readonly minor: string }>
  /** What is known without asking. */
  readonly hearing: () => Hearing
  readonly load: () => Load
  /** Asks for next to nothing, to hear whether it answers at all. Throws what asking throws. */
  ping(): Promise<void>
  /** The resource that serves a kind, or `undefined`; discovery is cached and asked again on a miss. */
  readonly resource: (group: string, version: string, kind: string) => Promise<Resource | undefined>
  /** `v1`, `apps/v1` … sorted: what charts see as .Capabilities.APIVersions. */
  readonly apiVersions: () => Promise<readonly string[]>
  get(id: ObjectId): Promise<K8sObject | undefined>
  /** An object without its contents: is it there, and is it being deleted? */
  getMetadata(id: ObjectId): Promise<K8sObject | undefined>
  list(selection: Selection): Promise<readonly K8sObject[]>
  /** Metadata only (PartialObjectMetadataList), paged. */
  listMetadata(selection: Selection): Promise<readonly K8sObject[]>
  /** Server-side apply with fieldValidation=Strict; gives the object as the server stores it. */
  apply(object: K8sObject, options: ApplyOptions): Promise<K8sObject>
  /** Creates an object; throws KUBE_CONFLICT where it is there already. */
  create(object: K8sObject): Promise<K8sObject>
  /** Deletes in the background; `gone` where it was not there. */
  delete(id: ObjectId, options?: { readonly uid?: string }): Promise<'deleted' | 'gone'>
  /**
   * State first (`added` …, then `synced`), then changes, level-triggered through 410, silence and reset: after each
   * relist the objects that vanished are told as `gone`. Ends when `signal` aborts.
   */
  watch(selection: Selection, signal: AbortSignal): AsyncIterable<WatchEvent>
  close(): Promise<void>
}
