/**
 * Callers who are too many at once, or who say nothing; and what an earlier server left.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openJournal } from '../../src/journal/journal.ts'
import { type Cluster, requestId } from '../../src/release/ids.ts'
import type { Sent } from '../checker/checker.ts'
import { between, oneOf, pause } from './chance.ts'
import { apps, type Fault } from './fault.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-crowds-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const herd: Fault = {
  row: 'R30',
  does: 'a herd comes at once, many of them for one source',
  async play({ trial, next, load }) {
    await pause(next() * 500)
    const app = between(next, 0, apps - 1)
    await load.over
    const same = Array.from({ length: 200 }, () => trial.send(app, 'herd', { wait: '60s' }))
    const rest = Array.from({ length: 400 }, (_, i) =>
      trial.insist((app + 1 + (i % (apps - 1))) % apps, 'herd', `herd-${i}`),
    )
    const answers = await Promise.all(same)
    await Promise.all(rest)
    assert.equal(answers.filter(({ verdict }) => verdict === 'committed').length, 1)
    assert.ok(answers.every(({ verdict }) => verdict === 'committed' || verdict === 'unchanged'))
  },
}

const mute: Fault = {
  row: 'R31',
  does: 'hundreds of callers say nothing, say half, or do not read',
  async play({ trial, next, load }) {
    const port = Number(new URL(trial.service().url).port)
    const words = [
      'POST /v1/deploys HTTP/1.1\r\nHost: 127.0.0.1\r\ncontent-length: 100\r\n',
      'GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    ]
    const sockets = Array.from({ length: between(next, 200, 600) }, () => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined).pause()
      socket.write(oneOf(next, ['', ...words]))
      return socket
    })
    await load.over
    await pause(next() * 500)
    for (const socket of sockets) socket.destroy()
  },
}

/** What a server before this one accepted, put into its journal. */
async function preload(state: string, count: number): Promise<readonly Omit<Sent, 'order'>[]> {
  const journal = openJournal(join(state, 'journal.sqlite'))
  // Older ones than the retention would be forgotten as soon as they end.
  const before = Date.now() - 3_600_000
  const sent = await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const source = `github.com/acme/app${n % apps}`
      const image = { repository: `localhost:5000/acme/app${n % apps}`, tag: `before-${n}`, digest: undefined }
      const at = before + n
      const id = requestId(at, randomBytes(16))
      const author = { name: 'Ada', email: 'ada@example.com' }
      await journal.accept({ id, cluster: 'prod' as Cluster, source, image, author, acceptedAt: at })
      return { id, source, tag: image.tag, author: 'Ada <ada@example.com>' }
    }),
  )
  journal.close()
  return sent
}

function left(): Fault {
  const state = mkdtempSync(join(folder, 'state-'))
  let earlier: readonly Omit<Sent, 'order'>[] = []
  return {
    row: 'R32',
    does: 'thousands of requests that an earlier server left, and a kill -9 while they are taken up',
    async prepare(next) {
      earlier = await preload(state, between(next, 1_000, 3_000))
    },
    options: () => ({ stateIn: state }),
    async before({ trial }) {
      trial.promised(earlier)
    },
    async play({ trial, next, load }) {
      for (let deaths = between(next, 1, 2); deaths > 0; deaths--) {
        await pause(next() * 400)
        await trial.service().kill()
        await trial.start()
      }
      await load.over
    },
  }
}

export const crowds: readonly (() => Fault)[] = [() => herd, () => mute, left]
