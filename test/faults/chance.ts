/**
 * Chance with a seed: the same seed makes the same choices.
 *
 * @module
 */

/** Gives numbers from 0 up to 1, without 1. */
export type Chance = () => number

/** mulberry32: small, and the same everywhere. */
export function chance(seed: number): Chance {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A whole number, both ends included. */
export function between(next: Chance, least: number, most: number): number {
  return least + Math.floor(next() * (most - least + 1))
}

/** One of them. */
export function oneOf<T>(next: Chance, all: readonly [T, ...T[]]): T {
  return all[Math.floor(next() * all.length)] ?? all[0]
}

/** All of them, in another order. */
export function shuffled<T>(next: Chance, all: readonly T[]): readonly T[] {
  return all
    .map((one) => ({ one, place: next() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ one }) => one)
}

/** Waits so many milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** `MGO_SEED=7`: that one; `MGO_SEEDS=20`: so many, from 1 on. */
export function seeds(otherwise: number): readonly number[] {
  const one = process.env['MGO_SEED']
  if (one !== undefined) return [Number(one)]
  return Array.from({ length: Number(process.env['MGO_SEEDS'] ?? otherwise) }, (_, i) => i + 1)
}
