/**
 * How an object stands, and what is known of it when it is judged.
 *
 * @module
 */
import type { K8sObject, ObjectId } from '../release/object.ts'
import type { Evidence } from '../release/verdict.ts'
import type { VerdictCode } from './codes.ts'

/** `says` goes after the object's name: `0 of 3 new pods are ready; the image web:v2 was not found`. */
export type Status = {
  readonly word: 'current' | 'waiting' | 'failed'
  readonly says: string
  readonly code?: VerdictCode
  readonly hint?: string
  readonly evidence?: readonly Evidence[]
  /** Objects that would tell more; they are read once and given with the next call as `others`. */
  readonly asks?: readonly ObjectId[]
  /** Milliseconds that `current` must hold before it is believed. */
  readonly steadyMs?: number
}

/** An object with what belongs to it. */
export type Live = {
  readonly object: K8sObject
  /** Objects of the kinds that its controller makes; those of others are sorted out by their owner's uid. */
  readonly related: readonly K8sObject[]
  /** Events, of this object or of related ones. */
  readonly events: readonly K8sObject[]
  /** Whether its kind has a status subresource. */
  readonly hasStatus: boolean
  /** Milliseconds since the epoch: now, and when mgo began to wait. */
  readonly nowMs: number
  readonly sinceMs: number
  /** What was asked for, by `objectKey`. */
  readonly others?: ReadonlyMap<string, K8sObject | 'absent'>
}
