/**
 * Pushes whose registry was away: asked again, with ever longer pauses, until they become a deploy or their time is up. They
 * are on disk before the vendor hears of it, so a crash loses none; each ends in one outcome, which can be read.
 *
 * Each repository has a line of its own, the oldest push first: a registry that is away is asked by one at a time.
 *
 * @module
 */
import { MgoError, messageOf } from '../error.ts'
import type { Clock } from '../ports.ts'
import type { HeldMemory, HeldOutcome, HeldPush } from '../release/held.ts'
import { askAgainMs } from '../request/hook-later.ts'
import type { Holding } from './hook-take.ts'
import type { Patience } from './patience.ts'

export type WaitingRoomOptions = {
  readonly memory: HeldMemory
  readonly again: (push: HeldPush) => Promise<HeldOutcome>
  readonly clock: Clock
  readonly waits: Patience
  readonly warn: (text: string) => void
  /** From 0 to 1. */
  readonly chance: () => number
  /** How long a push is held, in milliseconds. */
  readonly patienceMs: () => number
}

export type WaitingRoom = {
  /** Keeps a push, and begins to ask for it. Throws OVERLOADED, JOURNAL_FAILED. */
  hold(push: Holding): Promise<HeldPush>
  /** Takes up what an earlier process held; never rejects. */
  begin(): Promise<void>
}

/** Held at once; a vendor that is told to come again does. */
const most = 10_000
const page = 500

/** Opens it. */
export function openWaitingRoom(options: WaitingRoomOptions): WaitingRoom {
  const { memory, clock, waits, warn, patienceMs } = options
  const lines = new Map<string, HeldPush[]>()
  let count = 0
  const enter = (push: HeldPush): void => {
    const line = lines.get(push.repository) ?? []
    const known = line.findIndex(({ id }) => id === push.id)
    // It may be known for longer by now.
    if (known >= 0) return void line.splice(known, 1, push)
    count++
    line.push(push)
    if (lines.has(push.repository)) return
    lines.set(push.repository, line)
    void serve(line, { ...options, left: () => count--, empty: () => lines.delete(push.repository) })
  }
  return {
    async hold(holding) {
      if (count >= most || waits.state() !== 'open') throw overloaded()
      const at = clock.now()
      const push = await memory.hold({ ...holding, id: clock.id(), at, until: at + patienceMs() })
      enter(push)
      return push
    },
    async begin() {
      for (let after = ''; waits.state() === 'open'; ) {
        const some = await memory.open(after, page).catch((error: unknown) => {
          warn(`the pushes that were held cannot be taken up yet: ${messageOf(error)}`)
          return undefined
        })
        if (some === undefined) await waits.atMost(new Promise<never>(() => undefined), 5_000)
        else if (some.length === 0) return
        for (const push of some ?? []) enter(push)
        after = some?.at(-1)?.id ?? after
      }
    },
  }
}

type Serving = WaitingRoomOptions & { readonly left: () => void; readonly empty: () => void }

/** Until the line is empty or the server ends; never rejects. */
async function serve(line: HeldPush[], { again, clock, waits, chance, left, empty, ...more }: Serving): Promise<void> {
  const pause = (ms: number) => waits.atMost(new Promise<never>(() => undefined), ms)
  // Whoever is here was refused by the registry a moment ago.
  let tries = 0
  await pause(askAgainMs(tries, chance()))
  while (waits.state() === 'open') {
    const [push] = line
    // In this very moment: whoever comes next begins a line of their own.
    if (push === undefined) return empty()
    const outcome = await again(push).catch((error: unknown) => lateness(line[0] ?? push, error, clock.now()))
    if (outcome === undefined) {
      await pause(Math.min(askAgainMs(++tries, chance()), Math.max(1, push.until - clock.now())))
      continue
    }
    tries = 0
    await ended(push, outcome, { ...more, waits })
    line.shift()
    left()
  }
}

/** `undefined`: there is still time. */
function lateness({ until }: HeldPush, error: unknown, now: number): HeldOutcome | undefined {
  if (now < until) return undefined
  const { code, hint } =
    error instanceof MgoError ? error : ({ code: 'INTERNAL', hint: 'The log has the cause.' } as const)
  return { kind: 'failed', code, why: messageOf(error), hint }
}

/** The disk may be full for a while. */
async function ended(
  push: HeldPush,
  outcome: HeldOutcome,
  { memory, waits, warn }: Pick<WaitingRoomOptions, 'memory' | 'waits' | 'warn'>,
): Promise<void> {
  if (outcome.kind === 'failed')
    warn(`the push of ${push.repository}:${push.tag} to the hook ${push.hook} (${push.id}) is given up: ${outcome.why}`)
  while (waits.state() !== 'ended') {
    try {
      return await memory.end(push.id, outcome)
    } catch (error) {
      warn(`what became of the push ${push.id} was not kept: ${messageOf(error)}`)
      await waits.atMost(new Promise<never>(() => undefined), 5_000)
    }
  }
}

function overloaded(): MgoError {
  return new MgoError({
    code: 'OVERLOADED',
    message: 'no more pushes can be held while their registry is away',
    hint: 'Send the delivery again in a while.',
  })
}
