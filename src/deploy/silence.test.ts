import assert from 'node:assert/strict'
import { test } from 'node:test'
import { script } from '../../test/world.ts'
import { MgoError } from '../error.ts'
import type { Event } from '../event/event.ts'
import type { Hearing } from '../kube-port.ts'
import type { Cluster } from '../release/ids.ts'
import { companyOf, type Silence, throughSilence, untilAnswered } from './silence.ts'

const away = new MgoError({ code: 'KUBE_UNREACHABLE', message: 'connection refused', hint: 'Is it up?' })

/** One who waits for a cluster, on a clock that is moved by hand. */
function begin(more: Partial<Silence> = {}) {
  const world = script()
  const { clock } = world
  const begunMs = clock.now()
  const told: string[] = []
  const tell = (event: Event) => void told.push(event.kind === 'waiting' ? `${event.unit} ${event.reason}` : event.kind)
  const cluster = 'prod' as Cluster
  const base = { cluster, units: ['app/web'], untilMs: begunMs + 300_000, isPatient: true, company: companyOf(clock) }
  const silence: Silence = { ...base, kube: () => undefined, world: { clock, tell }, ...more }
  const pass = (ms: number) => world.pass(ms)
  return { clock, pass, told, silence, secondsOf: () => (clock.now() - begunMs) / 1000 }
}

/** What became of a promise by now. */
async function state(work: Promise<unknown>): Promise<unknown> {
  return Promise.race([work.catch((error: unknown) => error), new Promise((resolve) => setImmediate(resolve, 'open'))])
}

const server = 'https://10.0.0.1'
const knownBy = (hearing: Partial<Hearing>) => () => ({
  server,
  hearing: () => ({ heardAt: undefined, silentSince: undefined, why: undefined, ...hearing }),
})

test('a cluster that is back within its time costs a deploy time, and says so, each release, until when', async () => {
  const { pass, told, silence } = begin({ units: ['app/web', 'app/api'] })
  let isBack = false
  const work = untilAnswered(async () => (isBack ? 'here' : Promise.reject(away)), silence)
  await pass(4_000)
  assert.deepEqual(told, [], 'a restart of an API server is no news')
  await pass(2_000)
  const says =
    'the API server of prod has not answered for 5 s (connection refused); it is tried again until 12:05:00 UTC'
  assert.deepEqual(told, [`app/web ${says}`, `app/api ${says}`])
  await pass(60_000)
  assert.equal(told.length, 6, 'and twice a minute from then on')
  isBack = true
  await pass(10_000)
  assert.equal(await state(work), 'here')
  await pass(60_000)
  assert.equal(told.length, 6)
})

test('a cluster that stays away ends it when its time is up, with what was said of it last', async () => {
  const { pass, silence, secondsOf } = begin()
  const work = untilAnswered(() => Promise.reject(away), silence)
  work.catch(() => undefined)
  await pass(299_000)
  assert.equal(await state(work), 'open')
  await pass(2_000)
  const error = await state(work)
  assert.ok(error instanceof MgoError)
  assert.equal(error.code, 'KUBE_UNREACHABLE')
  assert.equal(error.message, 'connection refused (prod was waited for 300 s, until its time was up)')
  assert.equal(secondsOf(), 301)
})

test('a cluster that never says a word ends it as well', async () => {
  const since = script().clock.now()
  const { pass, silence, told } = begin({ kube: knownBy({ silentSince: since }) })
  const work = untilAnswered(() => new Promise(() => undefined), silence)
  work.catch(() => undefined)
  await pass(301_000)
  const error = await state(work)
  assert.ok(error instanceof MgoError)
  assert.deepEqual(
    [error.code, /https:\/\/10\.0\.0\.1 gives no answer/.test(error.message)],
    ['KUBE_UNREACHABLE', true],
  )
  assert.match(told[0] ?? '', /has not answered for 5 s; it is tried again until/)
})

test('what is slow while the cluster answers is not told of as its silence, and not ended', async () => {
  const { pass, silence, told } = begin({ kube: knownBy({ heardAt: 1 }) })
  const work = untilAnswered(() => new Promise(() => undefined), silence)
  await pass(600_000)
  assert.deepEqual([await state(work), told], ['open', []])
})

test('who has no patience hears of it at once, and of other errors everybody does', async () => {
  const { silence } = begin({ isPatient: false })
  await assert.rejects(() => untilAnswered(() => Promise.reject(away), silence), away)
  const denied = new MgoError({ code: 'KUBE_DENIED', message: 'no', hint: '' })
  await assert.rejects(() => untilAnswered(() => Promise.reject(denied), begin().silence), denied)
})

test('those who wait for one cluster try together, and who gets through wakes them', async () => {
  const { clock, pass, told, silence } = begin()
  let [tries, isBack] = [0, false]
  const one = () =>
    untilAnswered(async () => {
      tries++
      return isBack ? 'here' : Promise.reject(away)
    }, silence)
  const all = [one(), one(), one()]
  await pass(60_000)
  assert.equal(tries % 3, 0)
  assert.ok(tries <= 3 * 10, `${tries} tries in a minute`)
  assert.equal(new Set(told).size, told.length, 'one word for a release is enough')
  isBack = true
  const wokenMs = clock.now()
  assert.equal(await one(), 'here')
  assert.deepEqual([await Promise.all(all), clock.now()], [['here', 'here', 'here'], wokenMs])
})

test('what was being applied is applied once more when the cluster is back', async () => {
  const { pass, silence } = begin()
  let [applies, isBack] = [0, false]
  const ping = () => (isBack ? Promise.resolve() : Promise.reject(away))
  const work = throughSilence(async () => (++applies > 1 ? 'done' : Promise.reject(away)), { ...silence, ping })
  await pass(60_000)
  assert.deepEqual([applies, await state(work)], [1, 'open'], 'nothing is written before it answers')
  isBack = true
  await pass(10_000)
  assert.deepEqual([applies, await state(work)], [2, 'done'])
})

test('what fails twice on a cluster that answers is no silence', async () => {
  const { silence } = begin()
  let applies = 0
  const apply = () => (applies++, Promise.reject(away))
  await assert.rejects(() => throughSilence(apply, { ...silence, ping: async () => undefined }), away)
  assert.equal(applies, 2)
})
