/**
 * What the puppets of one namespace have to play. The words are those of test/rollouts/README.md; times are seconds.
 *
 * @module
 */
import type { K8sObject } from '../../src/release/object.ts'

/** Everything a rule says must be so of the container; `pod` is the beginning of the pod's name. */
export type Match = {
  readonly image?: string
  readonly container?: string
  readonly node?: string
  readonly pod?: string
}

export type Play =
  | 'run'
  | 'never-ready'
  | 'flap'
  | 'exit'
  | 'crash'
  | 'probed'
  | 'image-pull'
  | 'image-name'
  | 'config-error'
  | 'create-error'
  | 'start-error'
  | 'mount'
  | 'sandbox'
  | 'evict'

/** `pods`: only the first so many pods that match. `times`: how often it goes wrong before it goes well; else for ever. */
export type Rule = {
  readonly match?: Match
  readonly pods?: number
  readonly play: Play
  readonly message?: string
  readonly after?: number
  readonly ready_after?: number
  readonly ready?: boolean
  readonly up?: number
  readonly down?: number
  readonly times?: number
  readonly exitCode?: number
  readonly reason?: string
  readonly probe?: 'Liveness' | 'Startup'
  readonly terminate_after?: number
}

/** `claim` is the beginning of the claim's name. */
export type StorageRule = {
  readonly claim?: string
  readonly play?: 'bind' | 'fail'
  readonly after?: number
  readonly resize?: 'fail'
  readonly message?: string
}

export type BalancerRule = {
  readonly service?: string
  readonly play: 'address' | 'fail' | 'none'
  readonly after?: number
  readonly message?: string
}

/** `resource` is the plural. `"GENERATION"` anywhere in a status stands for the generation that was looked at. */
export type OperatorRule = {
  readonly api: string
  readonly resource: string
  readonly name?: string
  readonly steps: readonly { readonly after?: number; readonly status: Readonly<Record<string, unknown>> }[]
}

/** Somebody else's hand: when an object of `on` has the text in its JSON, wait, then patch or delete. */
export type Hand = {
  readonly on: { readonly kind: string; readonly name?: string; readonly text: string }
  readonly after?: number
  readonly patch?: { readonly kind: string; readonly name: string; readonly body: Readonly<Record<string, unknown>> }
  readonly delete?: { readonly kind: string; readonly name: string }
}

export type NodeShape = {
  readonly name: string
  readonly cpu?: string | number
  readonly memory?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[]
}

/** The part of one namespace. */
export type Script = {
  readonly kubelet: readonly Rule[]
  readonly storage: readonly StorageRule[]
  readonly balancers: readonly BalancerRule[]
  readonly operators: readonly OperatorRule[]
}

/** What everybody plays where nothing else is said. */
export const plainScript: Script = { kubelet: [], storage: [], balancers: [], operators: [] }

/** Gives the script of a namespace. */
export type ScriptOf = (namespace: string) => Script

export type ContainerSpec = {
  readonly name: string
  readonly image: string
  readonly restartPolicy?: string
  readonly startupProbe?: unknown
}

/** The fields of a pod that its node reads. */
export type Pod = K8sObject & {
  readonly spec: {
    readonly nodeName?: string
    readonly restartPolicy?: string
    readonly activeDeadlineSeconds?: number
    readonly containers: readonly ContainerSpec[]
    readonly initContainers?: readonly ContainerSpec[]
    readonly readinessGates?: readonly { readonly conditionType: string }[]
  }
  readonly status?: {
    readonly phase?: string
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
  }
}
