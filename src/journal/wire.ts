/**
 * What a journal's thread and the server's say to each other. One message holds what was asked, or answered, in one turn, as
 * JSON: copying objects as they are costs each side several times as much.
 *
 * @module
 */
import { MgoError, type Problem } from '../error.ts'
import type { Wrote } from './group.ts'

/** One method of the journal, by its name and that of the part it belongs to. */
export type Call = {
  readonly n: number
  readonly part: Part
  readonly name: string
  readonly args: readonly unknown[]
}

/** The journal's own methods, and its two parts. */
export type Part = 'journal' | 'trail' | 'held'

/** To the thread. */
export type Asked = { readonly kind: 'calls'; readonly calls: readonly Call[] } | { readonly kind: 'close' }

/** From the thread. `open` comes first: the names of the methods that can be called. */
export type Said =
  | { readonly kind: 'open'; readonly names: Readonly<Record<Part, readonly string[]>> }
  | { readonly kind: 'failed'; readonly problem: Problem }
  | { readonly kind: 'answers'; readonly answers: readonly Answer[]; readonly wrote: readonly Wrote[] }

export type Answer = { readonly n: number; readonly value: unknown } | { readonly n: number; readonly problem: Problem }

/** An error, as it can cross: classes cannot. */
export function problemFrom(error: unknown): Problem {
  if (error instanceof MgoError) {
    const { code, message, hint } = error
    return { code, message, hint }
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { code: 'INTERNAL', message: `the journal: ${message}`, hint: 'This is a bug of mgo: please report it.' }
}

/** A message as it crosses. What is `undefined` in a list arrives as null, in an object not at all. */
export function packed(message: Asked | Said): string {
  return JSON.stringify(message)
}

/** Reads what the other side has packed. */
export function unpacked<T extends Asked | Said>(text: string): T {
  return JSON.parse(text) as T
}
