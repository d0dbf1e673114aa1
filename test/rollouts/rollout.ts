/**
 * The rollouts of this folder as data. README.md explains every field.
 *
 * @module
 */
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parse } from 'yaml'
import type { K8sObject } from '../../src/release/object.ts'
import type { BalancerRule, Hand, NodeShape, OperatorRule, Rule, StorageRule } from '../puppet/script.ts'

export type Prepare =
  | { readonly apply: K8sObject }
  | { readonly delete: { readonly kind: string; readonly name: string } }
  | { readonly scale: { readonly kind: string; readonly name: string; readonly replicas: number } }

export type Want = {
  readonly word: 'healthy' | 'failed' | 'waiting-forever'
  readonly code?: string
  /** Every entry must be said in one of its forms, split by `|`. */
  readonly says?: readonly string[]
  /** Seconds from the start of the deploy. */
  readonly within_s: number
}

export type Proof = { readonly kind: string; readonly name?: string; readonly text: string }

export type Rollout = {
  readonly name: string
  readonly why: string
  readonly cluster?: {
    readonly objects?: readonly K8sObject[]
    readonly labels?: Readonly<Record<string, string>>
    readonly nodes?: readonly NodeShape[]
    readonly storage?: readonly StorageRule[]
    readonly balancers?: readonly BalancerRule[]
    readonly controllers?: readonly OperatorRule[]
    readonly prepare?: readonly Prepare[]
  }
  readonly before?: readonly K8sObject[]
  /** `4s` */
  readonly settle?: string
  readonly after: readonly K8sObject[]
  readonly kubelet?: readonly Rule[]
  readonly during?: readonly Hand[]
  readonly proof?: readonly Proof[]
  readonly want: Want
}

/** The files of a folder: those that were given, and in `more` our own. */
function filesOf(folder: string): readonly string[] {
  return globSync(['*.yaml', 'more/*.yaml'], { cwd: folder }).toSorted()
}

/** The rollouts of a folder (this one, where none is named), by name. */
export function rolloutNames(folder: string = import.meta.dirname): readonly string[] {
  return filesOf(folder).map((file) => basename(file, '.yaml'))
}

/** Of our own those that a chart brings in another way than raw files. */
const chartsToo = new Set([
  'definition-is-not-served',
  'hook-fails',
  'hook-runs',
  'hook-waits-for-what-crashes',
  'job-template-changed',
  'refused-selector',
  'sidecar-crashes',
])

/** The rollouts that are played through charts as well: all that were given, and a few. */
export function chartNames(): readonly string[] {
  return [...givenNames(), ...chartsToo]
}

/** The thirty that were given. */
export function givenNames(): readonly string[] {
  return filesOf(import.meta.dirname)
    .filter((file) => !file.startsWith('more/'))
    .map((file) => basename(file, '.yaml'))
}

/** Reads a rollout as it is in its own namespace. */
export function readRollout(name: string, namespace: string, folder: string = import.meta.dirname): Rollout {
  const file = filesOf(folder).find((one) => basename(one, '.yaml') === name)
  const text = readFileSync(join(folder, file ?? `${name}.yaml`), 'utf8')
  return parse(text.replaceAll('NAMESPACE', namespace)) as Rollout
}
