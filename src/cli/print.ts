/**
 * The only place that writes to the terminal: results to stdout, progress and errors to stderr.
 *
 * @module
 */
import { MgoError, showProblem } from '../error.ts'
import type { Told } from '../event/event.ts'
import type { Hide } from '../secrets.ts'
import { plain } from '../text.ts'
import { showEvent } from './show.ts'

export type Print = {
  result(text: string): void
  json(value: unknown): void
  /** Progress: a line for each step. */
  readonly told: (event: Told) => void
  readonly note: (text: string) => void
  failure(error: unknown): void
}

export type PrintOptions = {
  readonly json: boolean
  readonly debug: boolean
  readonly colour: boolean
  /** Errors and notes pass through it. Results are what was asked for: `mgo render` shows Secrets as they would be applied. */
  readonly hide: Hide
}

const colours: Readonly<Record<string, string>> = { failed: '31', refused: '31', 'timed-out': '33', healthy: '32' }

/** Makes the printer of one call. With `-o json` stdout holds one JSON value and nothing else. */
export function printer({ json, debug, colour, hide }: PrintOptions): Print {
  const paint = (line: string): string => {
    const word = /^[a-z-]+/.exec(line)?.[0] ?? ''
    const code = colours[word]
    return colour && code !== undefined ? `\u001b[${code}m${word}\u001b[0m${line.slice(word.length)}` : line
  }
  return {
    result: (text) => console.log(paint(text)),
    json: (value) => console.log(JSON.stringify(value, undefined, 2)),
    told: (event) => {
      if (debug) return console.error(plain(JSON.stringify(event)))
      const line = json ? undefined : showEvent(event)
      if (line !== undefined) console.error(paint(line))
    },
    note: (text) => console.error(plain(hide(text))),
    failure: (error) => {
      if (!(error instanceof MgoError)) {
        const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined }
        console.error(plain(hide(`INTERNAL: mgo itself failed: ${message}`)))
        if (debug && stack !== undefined) console.error(plain(hide(stack)))
        else console.error('  This is a bug of mgo: please report it. --debug shows where.')
        return
      }
      const { code, message, hint, problems } = error
      if (json) console.log(JSON.stringify({ error: hide({ code, message, hint, problems }) }, undefined, 2))
      console.error(plain(hide(problems.map(showProblem).join('\n'))))
    },
  }
}
