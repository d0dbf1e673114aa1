/**
 * What stories and engines need from outside, as types only. Edges fit these shapes, `main.ts` joins them,
 * and the compiler checks the fit. Everything is asynchronous, so that another store, another process or
 * another host can stand behind it.
 *
 * @module
 */
import type { Tell } from './event/event.ts'
import type { Cluster, Commit, RequestId } from './release/ids.ts'
import type { K8sObject, ObjectId } from './release/object.ts'
import type { ClusterSettings, Settings, Unit } from './release/release.ts'
import type { Person } from './release/request.ts'

/** A blob of a tree: git mode (`100644`, `120000` …) and object id. */
export type Entry = { readonly mode: string; readonly oid: string }
export type Tree = ReadonlyMap<string, Entry>

/** A commit to be made. Files are whole new contents by path; `undefined` deletes. `at` is ms since the epoch. */
export type NewCommit = {
  readonly files: ReadonlyMap<string, Uint8Array | undefined>
  readonly message: string
  readonly author: Person
  readonly at: number
}

/**
 * What became of a push. `moved`: the branch is elsewhere now, replay. `refused`: the server's policy says no, and
 * saying it again will not help. `unclear`: nobody knows; read the remote again and look for the trailers.
 */
export type Pushed =
  | { readonly kind: 'pushed'; readonly note?: string }
  | { readonly kind: 'moved' }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'unclear'; readonly why: string }

/** `at` is RFC 3339. */
export type LastChange = {
  readonly commit: Commit
  readonly author: string
  readonly at: string
  readonly subject: string
  /** The whole message, trailers included. */
  readonly message: string
}

/** Files that can be listed and read. */
export type Files = {
  /** All files below `folder`, or the one file of that path (no slash at the end; '' for the whole repo). Empty where there is none. */
  tree(commit: Commit, folder: string): Promise<Tree>
  /** The contents of blobs, by object id. Throws FILE_TOO_LARGE over `limit` bytes (4 MiB by default). */
  read(oids: readonly string[], limit?: number): Promise<ReadonlyMap<string, Uint8Array>>
}

/** One branch of one gitops repo. Throws MgoError GIT_*. Paths are relative to the repo's root, with `/`. */
export type Repo = Files & {
  /** How people name it; never with a password in it. */
  readonly name: string
  readonly branch: string
  /** The tip as last seen; asks the remote only when it was never asked. `undefined`: the branch does not exist. */
  tip(): Promise<Commit | undefined>
  /** Asks the remote. Throws GIT_REWRITTEN where the branch no longer holds what was seen before. */
  fetch(): Promise<Commit | undefined>
  /** The remote's tip, by one read of its ref: nothing is fetched. `undefined`: the branch does not exist. */
  look(): Promise<Commit | undefined>
  /** The paths that each commit between two commits changed, along the branch itself; `from` excluded, both fetched. */
  changes(from: Commit, to: Commit): Promise<ReadonlyMap<Commit, readonly string[]>>
  /** A clone's files as they lie there, committed or not, whatever commit is named. Absent where there is no work tree. */
  readonly workTree?: Files
  /** Writes commits, each upon the one before, the first upon `base`; moves no branch. */
  write(base: Commit | undefined, commits: readonly NewCommit[]): Promise<readonly Commit[]>
  /** Moves the remote's branch from `base` to `next`, never by force. */
  push(base: Commit | undefined, next: Commit): Promise<Pushed>
  /** The requests (by trailer `Mgo-Request`) that lie between two commits, `from` excluded. */
  requestsIn(from: Commit | undefined, to: Commit): Promise<ReadonlyMap<RequestId, Commit>>
  /** The last commit that touched a path, as seen from `commit`. */
  lastChange(commit: Commit, path: string): Promise<LastChange | undefined>
  /** The commits that touched a path, the newest first, as seen from `commit`. */
  history(commit: Commit, path: string, limit: number): Promise<readonly LastChange[]>
  /** Lays the regular files below `folder` into a new folder on disk; refuses links and submodules. */
  lay(commit: Commit, folder: string, into: string): Promise<void>
  /** Another branch of the same repo. */
  other(branch: string): Repo
  close(): Promise<void>
}

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
  /** mgo runs in a pod and uses its service account: there is no kubeconfig, and so no context that helm could find. */
  readonly insidePod?: boolean
  /** Cheap when nothing is out of date. `again` says that the last one was refused. */
  credential(again?: 'again'): Promise<Credential>
}

/** One cluster, through our own thin client. Plain JSON in and out. Throws MgoError KUBE_*, KUBECONFIG_INVALID. */
export type Kube = {
  readonly context: string
  readonly server: string
  readonly insidePod: boolean
  /** Where an object goes that names no namespace. */
  readonly namespace: string
  version(): Promise<{ readonly gitVersion: string; readonly minor: string }>
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

/** Where an engine works: one cluster, one commit. */
export type Target = {
  readonly cluster: Cluster
  readonly settings: Settings
  readonly clusterSettings: ClusterSettings
  readonly commit: Commit
  readonly repo: Repo
  readonly kube: Kube
  readonly tell: Tell
  /** Ends what is under way. */
  readonly signal?: AbortSignal
}

/** What is on the cluster of a unit. `stamp` is the input hash that counts for the revision that is live. */
export type UnitRecord = {
  readonly key: string
  readonly revision: number
  readonly stamp: string | undefined
  readonly state: 'deployed' | 'failed' | 'pending' | 'other'
  /** RFC 3339, where known. */
  readonly since?: string
  /** Written by mgo at any time: what may be pruned when its file is gone. */
  readonly ours: boolean
}

/** What an apply did. `objects`: the manifests as sent, with their namespace filled in; what the verdict is about. */
export type Applied = {
  readonly revision: number
  readonly objects: readonly K8sObject[]
}

/** What an engine itself waits for while it applies; older objects of these names are leftovers. `notBefore`: RFC 3339. */
export type Hooks = { readonly objects: readonly K8sObject[]; readonly notBefore: string }

/** One way to bring units to a cluster. All engines pass test/engine.contract.ts. */
export type Engine = {
  /** Whether this engine works on this unit. */
  readonly kind: Unit['kind']
  /** The records on the cluster, by unit key: one metadata LIST, no program started. */
  records(target: Target): Promise<ReadonlyMap<string, UnitRecord>>
  /** The hash of everything that shapes the unit. Starts no program and writes nothing. */
  inputs(unit: Unit, target: Target): Promise<string>
  /** Throws what would stop every apply, such as HELM_MISSING; asked before anything is committed. */
  check(): Promise<void>
  /** Brings the unit to the cluster and stamps it; waits for nothing but the API server and the chart's hooks. */
  apply(unit: Unit, target: Target, record: UnitRecord | undefined): Promise<Applied>
  /** The hooks of the apply that is under way or has just failed; ends with none when `target.signal` aborts. */
  hooks?(unit: Unit, target: Target, record: UnitRecord | undefined): Promise<Hooks>
  /** The objects of what is live, for judging a unit that did not change. */
  objects(unit: Unit, target: Target, record: UnitRecord): Promise<readonly K8sObject[]>
  /** The objects as they would be applied. */
  render(unit: Unit, target: Target): Promise<readonly K8sObject[]>
  /** Takes what the record holds off the cluster. Only for raw files: a helm release is never uninstalled by mgo. */
  remove(record: UnitRecord, target: Target): Promise<void>
}

/** Time, chance and delay, as arguments. */
export type Clock = {
  now(): number
  id(): RequestId
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** What a story is given. */
export type World = {
  readonly repo: Repo
  readonly engines: readonly Engine[]
  /** Logs in lazily: a broken cluster hurts only those who ask for it. */
  kube(context: string): Promise<Kube>
  /** Stands in for a cluster where manifests are only rendered: knows the kinds of Kubernetes, reaches nothing. */
  readonly offline: Kube
  readonly clock: Clock
  readonly tell: Tell
  /** Units worked on at once on one cluster. */
  readonly width: number
}
