/**
 * The insides of a running server: who is on the same machine, who asks for them, who floods.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask, hooked, secrets, startTarget, wish } from './target.ts'

const target = await startTarget({}, 'failuresPerMinute: 20')
const { web, admin } = target.tokens

test('S34: what lies on disk is for its owner alone, and no program is given what it does not need', async () => {
  const below = readdirSync(join(target.state, 'state'), { recursive: true, encoding: 'utf8' })
  assert.equal(statSync(join(target.state, 'state')).mode & 0o077, 0, 'the folder shuts all below it')
  for (const name of below.filter((one) => /\.sqlite(?:-wal|-shm)?$/.test(one)))
    assert.equal(statSync(join(target.state, 'state', name)).mode & 0o077, 0, name)
  for (const name of below.filter((one) => !one.includes('.git') && !/^git\b/.test(one)))
    assert.doesNotMatch(name, /askpass|password|key/i)
  const own = readFileSync(`/proc/${target.pid}/environ`, 'utf8')
  const seen: string[] = []
  const looking = setInterval(() => {
    for (const pid of readdirSync('/proc').filter((one) => /^\d+$/.test(one)))
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8')
        if (!status.includes(`PPid:\t${target.pid}\n`)) continue
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
        // A child that has not become another program yet is the server itself.
        if (environment !== own) seen.push(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), environment)
      } catch {
        // It has ended meanwhile.
      }
  }, 5)
  for (let i = 0; i < 3; i++)
    assert.equal(
      (await ask(target, '/v1/deploys?wait=20s', { token: web, body: { ...wish, image: `${hooked}:v3${i}` } })).status,
      200,
    )
  clearInterval(looking)
  assert.match(seen.join('\n'), /fast-import/, 'it was looked at')
  for (const secret of [secrets.hook, web, admin]) assert.ok(!seen.join('\n').includes(secret))
})

test('S35: nothing is told to whoever asks for the insides, and labels stay few', async () => {
  for (const path of [
    '/debug',
    '/debug/pprof',
    '/metrics',
    '/server-status',
    '/actuator/env',
    '/.env',
    '/.git/config',
    '/v1/audit',
    '/journal.sqlite',
    '/..%2f..%2fetc%2fpasswd',
  ])
    assert.equal((await ask(target, path)).status, 401, path)
  for (const body of ['{', 'null', '"x"', '{"cluster":{}}', '\u0000'])
    assert.doesNotMatch(
      (await ask(target, '/v1/deploys', { token: admin, body })).text,
      /\bat .*\.(?:ts|js):\d|node_modules|\/src\//,
    )
  const clusters = Array.from({ length: 300 }, (_, i) => `made-up-${i}`)
  for (let i = 0; i < clusters.length; i += 50)
    await Promise.all(
      clusters
        .slice(i, i + 50)
        .map((cluster) => ask(target, '/v1/deploys?wait=20s', { token: admin, body: { ...wish, cluster } })),
    )
  const { text } = await ask(target, '/metrics', { token: admin })
  assert.doesNotMatch(text, /made-up-/)
  assert.ok(text.split('\n').length < 3_000)
  for (const secret of Object.values({ ...secrets, web, admin })) assert.ok(!text.includes(secret))
})

test('S17: a flood of strangers is told to wait, by route and by token, and health is still served', async () => {
  const routes = ['/v1/deploys', '/v1/events', '/v1/audit', '/metrics', '/v1/clusters/my-prod/plan', '/nowhere']
  const wrong = await Promise.all(
    Array.from({ length: 300 }, (_, i) => ask(target, routes[i % routes.length] ?? '', { token: `mgo_${i}` })),
  )
  assert.ok(wrong.every(({ status }) => status === 401 || status === 429))
  const late = wrong.filter(({ status }) => status === 429)
  assert.ok(late.length >= 250, String(late.length))
  assert.ok(late.every(({ headers }) => Number(headers.get('retry-after')) >= 1))
  const nobody = await Promise.all(routes.flatMap((path) => Array.from({ length: 30 }, () => ask(target, path))))
  assert.ok(nobody.every(({ status }) => status === 401))
  const begun = performance.now()
  assert.equal((await ask(target, '/healthz')).status, 200)
  assert.ok(performance.now() - begun < 1_000)
  assert.equal((await ask(target, '/v1/deploys', { token: web })).status, 200, 'a good token gets through')
})
