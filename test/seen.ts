/**
 * Moments that are found from outside: a script of the test says that it was reached, and the test waits for it.
 *
 * @module
 */
import { chmodSync, writeFileSync } from 'node:fs'

/** Writes a shell script that can be run. */
export function script(file: string, text: string): void {
  writeFileSync(file, `#!/bin/sh\n${text}\n`)
  chmodSync(file, 0o755)
}

/** Waits for a moment, ten seconds at most. */
export async function seen(isThere: () => boolean): Promise<void> {
  for (let i = 0; !isThere(); i++) {
    if (i > 500) throw new Error(`it never came: ${isThere.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
