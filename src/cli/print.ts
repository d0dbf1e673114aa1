/**
 * The only place that writes to the terminal: results to stdout, progress and errors to stderr.
 *
 * @module
 */
import { MgoError, showProblem } from '../error.ts'
import type { Told } from '../event/event.ts'
import { clean, showEvent } from './show.ts'

export type Print = {
  result(text: string): void
  json(value: unknown): void
  /** Progress: a line for each step. */
  readonly told: (event: Told) => void
  readonly note: (text: string) => void
  failure(error: unknown): void
}

export type PrintOptions = { readonly json: boolean; readonly debug: boolean; readonly colour: boolean }

const colours: Readonly<Record<string, string>> = { failed: '31', refused: '31', 'timed-out': '33', healthy: '32' }

/** Makes the printer of one call. With `-o json` stdout holds one JSON value and nothing else. */
export function printer({ json, debug, colour }: PrintOptions): Print {
  const paint = (line: string): string => {
    const word = /^[a-z-]+/.exec(line)?.[0] ?? ''
    const code = colours[word]
    return colour && code !== undefined ? `\u001b[${code}m${word}\u001b[0m${line.slice(word.length)}` : line
  }
  return {
    result: (text) => console.log(paint(text)),
    json: (value) => console.log(JSON.stringify(value, undefined, 2)),
    told: (event) => {
      if (debug) return console.error(JSON.stringify(event))
      const line = json ? undefined : showEvent(event)
      if (line !== undefined) console.error(paint(line))
    },
    note: (text) => console.error(clean(text)),
    failure: (error) => {
      if (!(error instanceof MgoError)) {
        console.error(`INTERNAL: mgo itself failed: ${error instanceof Error ? error.message : String(error)}`)
        if (debug && error instanceof Error) console.error(error.stack)
        else console.error('  This is a bug of mgo: please report it. --debug shows where.')
        return
      }
      if (json)
        console.log(
          JSON.stringify(
            { error: { code: error.code, message: error.message, hint: error.hint, problems: error.problems } },
            undefined,
            2,
          ),
        )
      console.error(clean(error.problems.map(showProblem).join('\n')))
    },
  }
}
