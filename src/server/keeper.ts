/**
 * Puts verdicts on disk. Where the disk takes none, whoever waits hears it all the same; a restart would ask git again.
 *
 * @module
 */
import { messageOf } from '../error.ts'
import type { Verdict } from '../release/verdict.ts'
import type { Memory } from './memory.ts'
import type { Patience } from './patience.ts'

export type Keeper = {
  /** Tries once; says whether it is on disk. */
  once(verdict: Verdict): Promise<'kept' | 'lost'>
  /** Tries until it is, or the server goes down. */
  until(verdict: Verdict): Promise<void>
}

export type KeeperOptions = {
  readonly memory: Pick<Memory, 'finish'>
  readonly waits: Patience
  readonly warn: (text: string) => void
}

/** Makes a keeper. */
export function keeper({ memory, waits, warn }: KeeperOptions): Keeper {
  const once = async (verdict: Verdict): Promise<'kept' | 'lost'> => {
    try {
      await memory.finish(verdict)
      return 'kept'
    } catch (error) {
      warn(`the verdict of ${verdict.id} was not kept: ${messageOf(error)}`)
      return 'lost'
    }
  }
  return {
    once,
    async until(verdict) {
      for (let ms = 1_000; (await once(verdict)) === 'lost'; ms = Math.min(ms * 2, 60_000)) {
        if (waits.state() === 'ended') return
        await waits.atMost(new Promise<never>(() => undefined), ms)
      }
    },
  }
}
