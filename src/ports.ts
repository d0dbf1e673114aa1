/**
 * What stories and engines need from outside, as types only. Edges fit these shapes, `main.ts` joins them,
 * and the compiler checks the fit. Everything is asynchronous, so that another store, another process or
 * another host can stand behind it.
 *
 * @module
 */
import type { Tell } from './event/event.ts'
import type { Kube } from './kube-port.ts'
import type { Cluster, Commit, RequestId } from './release/ids.ts'
import type { K8sObject } from './release/object.ts'
import type { ClusterSettings, Settings, Unit } from './release/release.ts'
import type { Person } from './release/request.ts'
import type { Secrets } from './secrets.ts'

export type { ApplyOptions, Credential, Kube, Login, Resource, Selection, WatchEvent } from './kube-port.ts'

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
  /**
   * The tip to begin a commit upon: as last seen, or fetched where others were first the last time, for then that one is
   * old. `isFresh`: it was fetched.
   */
  begin(): Promise<{ readonly tip: Commit | undefined; readonly isFresh: boolean }>
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
  /** The last commits that touched a path, as seen from `commit`, newest first. */
  history(commit: Commit, path: string, limit: number): Promise<readonly LastChange[]>
  /** Lays the regular files below `folder` into a new folder on disk; refuses links and submodules. */
  lay(commit: Commit, folder: string, into: string): Promise<void>
  /** Another branch of the same repo. */
  other(branch: string): Repo
  close(): Promise<void>
}

/** How to log in at a helm repository over http(s); it counts for this very address. Files are of the operator. */
export type ChartLogin = {
  readonly url: string
  readonly username: string
  readonly password: string
  readonly caFile: string | undefined
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
  /** The server's certificate is not looked at. */
  readonly insecure: boolean
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
  readonly secrets: Secrets
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
export type Hooks = {
  readonly objects: readonly K8sObject[]
  readonly notBefore: string
  /** The unit's own objects, where hooks come after them: they are applied once one of the `following` is there. */
  readonly own?: { readonly objects: readonly K8sObject[]; readonly following: readonly K8sObject[] }
}

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
  readonly secrets: Secrets
  /** Units worked on at once on one cluster. */
  readonly width: number
  /** A chart's version may be a range. */
  readonly allowRanges?: boolean
}
