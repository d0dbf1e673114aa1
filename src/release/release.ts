/**
 * A release: one chart with its values on one cluster, and the images a deploy may change in it.
 *
 * @module
 */
import type { Place } from '../error.ts'
import type { Cluster } from './ids.ts'

/** The three forms in which a header names an image (contract.md, "The header of a values file"). */
export type ImageForm = 'repository-tag' | 'one-string' | 'quirky'

/** One entry of the header's `images`. */
export type ImageSlot = {
  readonly source: string
  readonly form: ImageForm
  readonly at: Place
}

export type EngineName = 'helm' | 'render'

/** The chart that a header asks for. */
export type ChartRef =
  | { readonly kind: 'repository'; readonly repository: string; readonly chart: string }
  | { readonly kind: 'oci'; readonly url: string }
  | { readonly kind: 'path'; readonly path: string }

/** What the header of a values file says. `timeoutMs` is milliseconds, 5 minutes by default. */
export type Release = {
  readonly cluster: Cluster
  readonly path: string
  readonly name: string
  readonly namespace: string
  readonly chart: ChartRef
  readonly version: string | undefined
  readonly images: readonly ImageSlot[]
  readonly timeoutMs: number
  readonly needs: readonly string[]
  readonly engine: EngineName | undefined
}

/** A file of the repo at one commit: its path and git blob id. */
export type FileRef = { readonly path: string; readonly oid: string }

/** What one engine brings to a cluster in one go: a chart release or a raw file. */
export type Unit =
  | {
      readonly kind: 'chart'
      readonly key: string
      readonly release: Release
      readonly values: FileRef
      readonly secrets: FileRef | undefined
    }
  | {
      readonly kind: 'raw'
      readonly key: string
      readonly cluster: Cluster
      readonly name: string
      readonly file: FileRef
    }

/** `chart:app/web`: what a record on the cluster is found by. */
export function chartKey(release: Pick<Release, 'namespace' | 'name'>): string {
  return `chart:${release.namespace}/${release.name}`
}

/** `raw:network`: a raw file is known by its name without `-raw.yaml`. */
export function rawKey(name: string): string {
  return `raw:${name}`
}

/** How people and verdicts name a unit: `app/web`, or `network-raw.yaml` for a raw file. */
export function showUnit(unit: Unit): string {
  return unit.kind === 'chart' ? `${unit.release.namespace}/${unit.release.name}` : `${unit.name}-raw.yaml`
}

/** A helm repository of mygitops.yaml. */
export type HelmRepository = { readonly name: string; readonly url: string; readonly at: Place }

/** mygitops.yaml, read and completed. */
export type Settings = {
  readonly repositories: readonly HelmRepository[]
  readonly slack: SlackSettings | undefined
  readonly clusters: ReadonlyMap<string, ClusterSettings>
}

export type ClusterSettings = {
  readonly context: string
  readonly engine: EngineName
  readonly freeze: boolean
  /** The Kubernetes that manifests are rendered for where no cluster is asked; absent: what helm was built for. */
  readonly kubeVersion?: string
}

export type SlackSettings = {
  readonly webhookurl: string | undefined
  readonly channel: string
  readonly username: string
  readonly icon: string
}
