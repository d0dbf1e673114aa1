/**
 * The server's log: a JSON object on each line, or readable lines where a person watches. Nothing gets into it but
 * through `hide`, and nothing that paints a terminal.
 *
 * @module
 */
import { pino } from 'pino'
import type { Hide } from '../secrets.ts'
import { plain } from '../text.ts'

const levels = ['debug', 'info', 'warn', 'error'] as const
export type Level = (typeof levels)[number]

export type Fields = Readonly<Record<string, unknown>>
export type Log = Readonly<Record<Level, (text: string, fields?: Fields) => void>>

/** `setLevel`: what it says at least from then on. */
export type OpenLog = Log & { readonly setLevel: (level: Level) => void }

export type LogOptions = {
  readonly level: Level
  readonly look: 'json' | 'lines'
  readonly hide: Hide
  /** Takes a whole line with its line break. */
  readonly write: (line: string) => void
}

/** Opens a log. Each line is handed to `write` at once. */
export function openLog({ level, look, hide, write }: LogOptions): OpenLog {
  const to = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      // Before the line leaves: whatever way a secret got into a field, it is found by its value.
      hooks: { streamWrite: (line) => plain(hide(line)) },
    },
    { write: (line: string) => write(look === 'json' ? line : readable(line)) },
  )
  const say = (at: Level) => (text: string, fields?: Fields) => to[at](fields ?? {}, plain(text))
  const setLevel = (next: Level) => {
    to.level = next
  }
  return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error'), setLevel }
}

type Said = { readonly level: string; readonly time: string; readonly msg: string }

/** For eyes: time, text, and the level where it is not the usual one. Fields are for machines. */
function readable(line: string): string {
  const { level, time, msg } = JSON.parse(line) as Said
  const mark = level === 'info' ? '' : `${level}: `
  return `${time} ${mark}${msg}\n`
}
