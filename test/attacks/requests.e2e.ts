/**
 * Requests that want more than a deploy, sent to a running server.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { git } from '../git-server.ts'
import { ask, canary, harmless, hooked, startTarget, wish } from './target.ts'

const target = await startTarget()
const { admin } = target.tokens

/** A deploy with other fields; gives status and text. */
const deploy = (fields: Readonly<Record<string, unknown>>) =>
  ask(target, '/v1/deploys?wait=20s', { token: admin, body: { ...wish, ...fields } })

const run = `touch ${canary}`
const options = [
  `--upload-pack=${run};`,
  '-c core.sshCommand=x',
  '--output=/tmp/x',
  '-x',
  `$(${run})`,
  `;${run}`,
  `\`${run}\``,
]
for (const text of options)
  test(`S1: ${JSON.stringify(text.slice(0, 20))} is no option and no command, in whatever field`, () =>
    harmless(target, async () => {
      for (const field of ['cluster', 'source', 'image'])
        assert.equal((await deploy({ [field]: text })).status, 400, field)
      assert.equal((await deploy({ image: `${text}:v1` })).status, 400)
      assert.equal((await deploy({ image: `acme/x:${text}` })).status, 400)
      for (const [field, value] of Object.entries({ cluster: text, release: text, to: text })) {
        const back = { cluster: 'my-prod', release: 'shop/web', author: 'a', [field]: value }
        assert.equal((await ask(target, '/v1/rollbacks', { token: admin, body: back })).status, 400, field)
      }
      const part = encodeURIComponent(text)
      for (const path of [`/v1/clusters/${part}/releases`, `/v1/clusters/${part}/plan`, `/v1/deploys/${part}`]) {
        const { status } = await ask(target, path, { token: admin })
        assert.ok(status === 400 || status === 404, `${path}: ${status}`)
      }
    }))

const authors: [author: string, why: string][] = [
  ['Eve\n\ncommit refs/heads/backdoor\ncommitter x <x> 0 +0000\ndata 0\n', 'a line break and a command'],
  ['Eve\r <e@x>', 'a carriage return'],
  ['Eve\0 <e@x>', 'a NUL'],
  ['Eve <a@b> <e@x>', 'two addresses'],
  ['Eve <e@x>\nMgo-Request: 01JD', 'a line after the address'],
  ['Eve <e@x', 'a bracket that is not closed'],
  ['E>ve <e@x>', 'a stray bracket'],
  [`Eve <e@x y>`, 'a space in the address'],
  [`${'E'.repeat(10_240)} <e@x>`, '10 KB'],
  ['\u202eadA <ada@example.com>', 'text from right to left'],
  ['Eve\u2028Mgo-Request: x <e@x>', 'a line separator'],
  ['Eve\u0085 <e@x>', 'a next-line mark'],
]
for (const [author, why] of authors)
  test(`S3: an author with ${why}`, () =>
    harmless(target, async () => {
      const said = await deploy({ author })
      assert.equal(said.status, 400, said.text)
      assert.match(said.text, /AUTHOR_INVALID/)
    }))

test('S4: what looks like a trailer stays in the line where it was written', async () => {
  const before = target.commits()
  const said = await deploy({ author: 'Mgo-Request: 01JD3X8B7Q9K2M4N6P8R0S2T4V Co-authored-by: Bob <bob@example.com>' })
  assert.equal(said.status, 200, said.text)
  assert.equal(target.commits(), before + 1)
  const message = git(target.bare, 'log', '-1', '--format=%B', 'main')
  const trailers = message.split('\n').filter((line) => /^[A-Za-z-]+: /.test(line) && !line.startsWith('Deploy: '))
  const { id } = JSON.parse(said.text) as { readonly id: string }
  assert.deepEqual(
    trailers.map((line) => line.split(':', 1)[0]),
    ['Mgo-Request', 'Mgo-Source', 'Mgo-Release', 'Mgo-Verified-By'],
  )
  assert.equal(trailers[0], `Mgo-Request: ${id}`)
  assert.equal(git(target.bare, 'log', '-1', '--format=%an|%cn', 'main').trim(), 'admin|mgo', 'who was verified')
  for (const field of ['source', 'cluster', 'image'])
    assert.equal((await deploy({ [field]: `${wish.source}\nMgo-Request: x` })).status, 400, field)
})

const paths = [
  '../my-prod',
  '/etc',
  '.git',
  '.GIT',
  '.git.',
  'a\\b',
  'a\0b',
  'my-prod/',
  'my-prod.',
  '..',
  '.',
  'u\u0308',
  'my-prod\n',
  '%2e%2e',
]
for (const cluster of paths)
  test(`S5: ${JSON.stringify(cluster)} is no folder of the repo`, () =>
    harmless(target, async () => {
      assert.equal((await deploy({ cluster })).status, 400)
      const form = new URLSearchParams({
        triggerRepo: wish.source,
        imageRepo: hooked,
        imageTag: 'v2',
        author: 'a',
        cluster,
      })
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      assert.equal((await ask(target, '/deploy', { token: admin, headers, body: form.toString() })).status, 400)
      for (const release of ['../x', 'shop/../web', '.git/config', 'a\\b']) {
        const body = { cluster: 'my-prod', release, author: 'a' }
        const { status } = await ask(target, '/v1/rollbacks', { token: admin, body })
        assert.ok(status === 400 || status === 404, release)
      }
    }))

const tags = [
  'v1\nreplicas: 999',
  '{{ .Files.Get "x" }}',
  '!!js/function x',
  '&a',
  '*a',
  '---',
  'v1 # x',
  "v1'",
  'v1"',
  '-v1',
  '',
  'ü',
  'a'.repeat(129),
]
for (const tag of tags)
  test(`S7: the tag ${JSON.stringify(tag.slice(0, 24))} is none`, () =>
    harmless(target, async () => assert.equal((await deploy({ image: `${hooked}:${tag}` })).status, 400)))

for (const tag of ['null', '1e3', '0x10', 'on', '2026-11-23', '0o17', '1_000', 'true', '.5'.replace('.', '0.')])
  test(`S7: the tag ${tag} is written as text, and no other byte changes`, async () => {
    const path = 'main:installations/my-prod/web-values.yaml'
    const before = git(target.bare, 'show', path).split('\n')
    assert.equal((await deploy({ image: `${hooked}:${tag}` })).status, 200)
    const now = git(target.bare, 'show', path).split('\n')
    const changed = now.flatMap((line, i) => (line === before[i] ? [] : [line.trim()]))
    assert.deepEqual(changed, [`tag: "${tag}"`])
  })

test('S9: keys of the prototype are fields like any other', () =>
  harmless(target, async () => {
    for (const key of ['__proto__', 'constructor', 'prototype', 'hasOwnProperty']) {
      const text = JSON.stringify(wish).replace('{', `{"${key}":{"author":"Eve","cluster":"other-prod","polluted":1},`)
      const said = await ask(target, '/v1/deploys', { token: admin, body: text })
      assert.equal(said.status, 400, `${key}: ${said.text}`)
    }
    const query = '?__proto__[polluted]=1&constructor=2'
    assert.ok((await ask(target, `/v1/deploys${query}`, { token: admin })).status <= 400)
  }))

const long = [
  'a'.repeat(60_000),
  `${'a/'.repeat(25_000)}b`,
  `${'-'.repeat(50_000)}:`,
  `${'1.'.repeat(25_000)}x`,
  `${'<'.repeat(50_000)}>`,
]
test('S28: no field takes longer because of what stands in it', () =>
  harmless(target, async () => {
    for (const text of long)
      for (const field of ['cluster', 'source', 'image', 'author']) {
        const begun = performance.now()
        assert.equal((await deploy({ [field]: text })).status, 400, field)
        assert.ok(performance.now() - begun < 1_000, `${field}: ${text.slice(0, 10)}`)
      }
    const hostile = [
      `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
      `[${'0,'.repeat(30_000)}0]`,
      `[${'0,'.repeat(1_000_000)}0]`,
      `{"a":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_001)}`,
    ]
    for (const body of hostile) {
      const said = await ask(target, '/v1/deploys', { token: admin, body })
      assert.ok(said.status === 400 || said.status === 413, `${said.status} ${body.slice(0, 10)}`)
    }
  }))
