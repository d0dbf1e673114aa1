/**
 * The git server is away, slow, full, or its wire breaks.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { between, pause, shuffled } from './chance.ts'
import { apps, type Course, type Fault } from './fault.ts'
import { kinds, places, startWire, type Wire } from './wire.ts'

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

/** Each kind of break in each place, in some order; each is held until a connection has broken of it. */
async function breakAll(wire: Wire, { trial, next }: Course): Promise<void> {
  const ways = kinds.flatMap((kind) => places.map((place) => ({ kind, place })))
  let turn = 0
  for (const { kind, place } of shuffled(next, ways)) {
    wire.breaks(kind, place, between(next, 0, place === 'handshake' ? 900 : 600))
    const endMs = performance.now() + 30_000
    // Also when the load is over somebody must speak to the git server.
    for (; wire.broke(kind, place) === 0; turn++) {
      assert.ok(performance.now() < endMs, `no ${place} broke by ${kind}`)
      await trial.insist(apps, `w${turn}`, `wire-${turn}`)
      await pause(100)
    }
    await pause(next() * 900)
    wire.heals()
    await pause(next() * 300)
  }
}

/** Over TLS, through a wire that breaks, falls silent or drips after so many bytes. */
function brokenWire(): Fault {
  let ends: (() => Promise<void>) | undefined
  let wire: Wire | undefined
  return {
    row: 'R12',
    does: 'the wire to the git server is cut, falls silent and drips, each in a handshake and in a body',
    options() {
      const folder = mkdtempSync(join(tmpdir(), 'mgo-wire-'))
      const made = startWire(folder)
      wire = made
      ends = async () => {
        await made.close()
        rmSync(folder, { recursive: true, force: true })
      }
      return { apps: apps + 1, front: made.front, env: { GIT_SSL_CAINFO: made.ca } }
    },
    async play(course) {
      if (wire !== undefined) await breakAll(wire, course)
      await course.load.over
    },
    after: async () => ends?.(),
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
