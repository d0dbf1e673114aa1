import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseServerSettings } from './config/server-settings.ts'
import { fixedChanges, servingOf } from './serving.ts'

const flags = { dryRun: false, commitOnly: false, insecureOpen: false }
const serving = (text: string, more = {}) => {
  const got = parseServerSettings('/etc/mgo/mgo.server.yaml', new TextEncoder().encode(text))
  assert.ok(got.kind === 'ok', JSON.stringify(got))
  return servingOf({ ...flags, ...more }, got.settings, '/state')
}

const cases: [text: string, fixed: readonly string[], why: string][] = [
  ['{ listen: "127.0.0.1:1" }', ['listen'], 'a socket stays where it is'],
  ['{ journal: a.sqlite }', ['journal'], 'what was accepted is in the old one'],
  ['{ gitops: { repo: other } }', ['gitops'], 'another repo'],
  ['{ gitops: { username: ada } }', ['gitops'], 'another way to it'],
  ['{ tls: { cert: a, key: b } }', ['tls'], 'https'],
  ['{ limits: { gitTimeout: 5 }, traces: { endpoint: "http://c:1" } }', ['traces', 'limits.gitTimeout'], 'two at once'],
  [
    '{ retention: 1, log: { level: debug }, follow: { clusters: [a] }, slack: { channel: "#a" } }',
    [],
    'what is looked at each time',
  ],
  ['{ identities: { tokens: true }, url: "http://localhost:1" }', [], 'who may come in changes at once'],
  ['{ limits: { underWay: 1, patience: 1, requestsPerMinute: 1 } }', [], 'limits, too'],
]
for (const [text, want, why] of cases) {
  test(`what counts after a restart only: ${why}`, () =>
    assert.deepEqual(fixedChanges(serving('{ retention: 90 }'), serving(text)), want))
}

test('a flag wins over the file, so what the file says below it is no change', () => {
  const under = (text: string) => serving(text, { listen: '127.0.0.1:9', logLevel: 'warn' })
  assert.deepEqual(fixedChanges(under('{ listen: "127.0.0.1:1" }'), under('{ log: { level: debug } }')), [])
})
