/**
 * Two states of an object → a text that people read: unified, with sorted keys, without what the API server keeps for
 * itself, and without secrets.
 *
 * @module
 */
import { createTwoFilesPatch } from 'diff'
import { type K8sObject, objectId, showObject } from '../release/object.ts'
import { mask, type Pair } from './mask.ts'

/** What the server writes, and nobody asked for. */
const served = ['managedFields', 'resourceVersion', 'uid', 'generation', 'creationTimestamp', 'selfLink']

export type Difference = {
  readonly kind: 'added' | 'changed' | 'removed'
  readonly object: string
  /** A unified diff. */
  readonly text: string
}

/** The difference of two states, or `undefined` where there is none. `secrets`: values to hide wherever they show. */
export function diff(pair: Pair, secrets: readonly string[]): Difference | undefined {
  const object = pair.after ?? pair.before
  if (object === undefined) return undefined
  const clean = { before: pair.before && cleaned(pair.before), after: pair.after && cleaned(pair.after) }
  // Compared before masking: a changed secret is a change.
  if (lines(clean.before) === lines(clean.after)) return undefined
  const { before, after } = mask(clean, secrets)
  const name = showObject(objectId(object))
  const text = createTwoFilesPatch(name, name, lines(before), lines(after), 'live', 'wanted', { context: 3 })
  const kind = pair.before === undefined ? 'added' : pair.after === undefined ? 'removed' : 'changed'
  return { kind, object: name, text: text.replace(/^Index: .*\n=+\n/, '') }
}

function cleaned(object: K8sObject): K8sObject {
  const { status: _, ...rest } = object
  const metadata = Object.fromEntries(Object.entries(object.metadata).filter(([key]) => !served.includes(key)))
  return { ...rest, metadata: metadata as K8sObject['metadata'] } as K8sObject
}

function lines(object: K8sObject | undefined): string {
  return object === undefined ? '' : `${text(object, '')}\n`
}

/** YAML-like, one line a value: made for reading line by line, not for parsing. */
function text(value: unknown, indent: string): string {
  if (Array.isArray(value)) return value.map((one) => `${indent}- ${text(one, `${indent}  `).trimStart()}`).join('\n')
  if (typeof value !== 'object' || value === null)
    return `${indent}${typeof value === 'string' ? scalar(value) : JSON.stringify(value)}`
  return Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, one]) => field(key, one, indent))
    .join('\n')
}

function field(key: string, value: unknown, indent: string): string {
  const isOpen = typeof value === 'object' && value !== null && Object.keys(value).length > 0
  if (!isOpen) return `${indent}${key}: ${typeof value === 'string' ? scalar(value) : JSON.stringify(value)}`
  return `${indent}${key}:\n${text(value, Array.isArray(value) ? indent : `${indent}  `)}`
}

function scalar(value: string): string {
  if (/^(?:[-+.0-9].*|true|false|null|yes|no|on|off|~)$/i.test(value)) return JSON.stringify(value)
  return /^[A-Za-z0-9_./@-][A-Za-z0-9_./@:+ -]*$/.test(value) ? value : JSON.stringify(value)
}
