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

/** The rollouts of a folder (this one, where none is named), by name. */
export function rolloutNames(folder: string = import.meta.dirname): readonly string[] {
  return globSync(join(folder, '*.yaml'))
    .map((file) => basename(file, '.yaml'))
    .toSorted()
}

/** Reads a rollout as it is in its own namespace. */
export function readRollout(name: string, namespace: string, folder: string = import.meta.dirname): Rollout {
  const text = readFileSync(join(folder, `${name}.yaml`), 'utf8')
  return parse(text.replaceAll('NAMESPACE', namespace)) as Rollout
}
