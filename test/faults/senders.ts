/**
 * Senders that send again, too late, in another order or not at all: callers with their keys, and a registry with its hook.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sent } from '../checker/checker.ts'
import { hookOptions, tellPush } from '../registry-hook.ts'
import type { Trial } from '../trial.ts'
import { between, type Chance, pause, shuffled } from './chance.ts'
import { apps, type Fault, type Load } from './fault.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-senders-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** Sources that a registry tells of, beside those that callers deploy. */
const hooked = Array.from({ length: 30 }, (_, i) => apps + i)
/** One push that the registry tells of, and how often it does. `version`: the second of three numbers. */
type Delivery = { readonly app: number; readonly version: number; readonly copies: number }

/** Sends one copy until the server has said what it makes of it. Some senders hang up before, and never hear the answer. */
async function deliver(trial: Trial, { app, version }: Delivery, next: Chance): Promise<readonly string[]> {
  for (;;) {
    const waitMs = next() < 0.2 ? between(next, 1, 40) : 30_000
    const push = { app, version: `1.${version}.0`, waitMs }
    const answer = await tellPush(trial.service().url, push).catch(() => undefined)
    if (answer !== undefined && answer.status < 429) {
      assert.ok(answer.status === 200 || answer.status === 202, answer.text)
      assert.equal(answer.ids.length, answer.status === 202 ? 1 : 0)
      return answer.ids
    }
    await pause(next() * 200)
  }
}

/** Four versions of each image, some of them never told, some several times; in any order. */
function deliveries(next: Chance): readonly Delivery[] {
  const all = hooked.flatMap((app) =>
    [1, 2, 3, 4].map((version) => ({ app, version, copies: next() < 0.2 ? 0 : between(next, 1, 3) })),
  )
  return all.filter(({ copies }) => copies > 0)
}

/** All copies of all deliveries, each at its moment. A delivery is one request at most, whoever hears of it. */
async function deliverAll(trial: Trial, all: readonly Delivery[], next: Chance): Promise<void> {
  const known = new Map<string, string>()
  const copies = shuffled(
    next,
    all.flatMap((one) => Array.from({ length: one.copies }, () => one)),
  )
  const one = async (delivery: Delivery) => {
    await pause(next() * 3_000)
    const name = `${delivery.app} ${delivery.version}`
    for (const id of await deliver(trial, delivery, next)) {
      assert.equal(known.get(name) ?? id, id, `the push ${name} is one request`)
      known.set(name, id)
    }
  }
  await Promise.all(copies.map(one))
}

type Listed = { readonly deploys: readonly { readonly id: string; readonly image: string; readonly source: string }[] }

/** What came of them, by the server's list: nobody else knows of a request whose answer was lost. Its order is that of versions. */
async function requests(trial: Trial): Promise<readonly Omit<Sent, 'order'>[]> {
  const { deploys } = (await trial.ask('/v1/deploys?limit=1000')) as unknown as Listed
  return deploys
    .filter(({ source }) => hooked.some((app) => source === `github.com/acme/app${app}`))
    .map(({ id, source, image }) => ({ id, source, tag: image.split(':').at(-1) ?? '', author: 'hook registry <>' }))
    .toSorted((a, b) => (a.tag < b.tag ? -1 : 1))
}

/** Callers send each of their requests several times, over the deaths of the server, and once another one with its key. */
async function callAgain(trial: Trial, next: Chance, load: Load): Promise<void> {
  const known = new Map<string, string>()
  const send = async (app: number, turn: number) => {
    const key = `app-${app}-${turn}`
    const { id = '' } = await trial.insist(app, `n${turn}`, key)
    assert.equal(id, known.get(key) ?? id, `${key} is one request`)
    known.set(key, id)
  }
  const copies = (count: number, turns: number) =>
    Promise.all(Array.from({ length: count }, () => send(between(next, 0, apps - 1), between(next, 0, turns))))
  await copies(300, 0)
  await load.over
  await copies(200, 2)
  const other = await trial.send(between(next, 0, apps - 1), 'another', { key: 'app-0-0' })
  assert.deepEqual([other.status, other.code], [409, 'IDEMPOTENCY_MISMATCH'])
}

export function again(): Fault {
  let all: readonly Delivery[] = []
  return {
    row: 'R29',
    does: 'webhooks are lost, doubled, late and out of order, callers send again, and the server dies meanwhile',
    options: () => ({ apps: apps + hooked.length, ...hookOptions(join(folder, 'mgo.server.yaml'), hooked) }),
    async play({ trial, next, load }) {
      all = deliveries(next)
      const sending = Promise.all([deliverAll(trial, all, next), callAgain(trial, next, load)])
      // Whoever waits for it hears of it.
      sending.catch(() => undefined)
      for (let deaths = between(next, 2, 3); deaths > 0; deaths--) {
        await load.reached(trial.accepted() + between(next, 1, apps))
        await pause(next() * 800)
        await trial.service().kill()
        await trial.start()
      }
      await sending
      trial.promised(await requests(trial))
    },
    after: async ({ trial }) => {
      const tags = trial.sent().map(({ source, tag }) => `${source} ${tag}`)
      for (const app of hooked) {
        const newest = Math.max(0, ...all.filter((one) => one.app === app).map(({ version }) => version))
        // Nobody told of any: nothing was done.
        const want = newest === 0 ? 'v1' : `1.${newest}.0`
        assert.match(trial.file(app), new RegExp(`tag: "?${want.replaceAll('.', '\\.')}"?\\n`), `app${app}`)
        for (let version = 1; version <= 4; version++)
          assert.ok(tags.filter((tag) => tag === `github.com/acme/app${app} 1.${version}.0`).length <= 1)
      }
    },
  }
}
