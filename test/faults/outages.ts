/**
 * The git server is away, slow, full, or its wire breaks.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { between, oneOf, pause } from './chance.ts'
import { apps, type Fault } from './fault.ts'
import { startWire, type Wire } from './wire.ts'

const away: Fault = {
  row: 'R11',
  does: 'the git server is away, and comes back',
  options: (next) => ({ args: ['--git-timeout', '3s', '--most', String(between(next, 60, 400))] }),
  async play({ trial, next, load }) {
    for (let i = between(next, 1, 3); i > 0; i--) {
      await load.reached(between(next, 1, 50))
      await trial.git.stop()
      await pause(next() * 2_000)
      if (next() < 0.3) {
        await trial.service().kill()
        await trial.start()
      }
      await trial.git.start()
      await pause(next() * 500)
    }
  },
}

/** Over TLS, through a wire that breaks, falls silent or drips after so many bytes: in the handshake, or in a record. */
function brokenWire(): Fault {
  const folder = mkdtempSync(join(tmpdir(), 'mgo-wire-'))
  let wire: Wire | undefined
  return {
    row: 'R12',
    does: 'the wire to the git server breaks in a handshake or a record, falls silent, or drips',
    options() {
      const made = startWire(folder)
      wire = made
      return { front: made.front, env: { GIT_SSL_CAINFO: made.ca } }
    },
    async play({ next, load }) {
      for (let i = between(next, 3, 6); i > 0; i--) {
        wire?.breaks(oneOf(next, ['reset', 'silence', 'drip']), between(next, 0, oneOf(next, [3_000, 12_000])))
        await pause(next() * 900)
        wire?.breaks('nothing', 0)
        await pause(next() * 300)
      }
      await load.over
    },
    async after() {
      await wire?.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const fullServer: Fault = {
  row: 'R16',
  does: 'the disk of the git server is full',
  async play({ trial, next, load }) {
    for (let i = between(next, 1, 3); i > 0; i--) {
      await load.reached(between(next, 1, apps))
      trial.git.trouble('full')
      await pause(next() * 2_500)
      trial.git.trouble('none')
      await pause(next() * 300)
    }
  },
}

export const outages: readonly (() => Fault)[] = [() => away, brokenWire, () => fullServer]
