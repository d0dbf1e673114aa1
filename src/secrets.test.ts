import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openSecrets } from './secrets.ts'

const pem = `-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ2xp\nZW50Q2VydGlmaWNhdGVPZkFkYQ==\n-----END CERTIFICATE-----\n`

const hidden: [secret: string, text: string, want: string, why: string][] = [
  ['hunter22', 'it is hunter22.', 'it is ***.', 'as it is'],
  ['hunter22', 'a hunter22 and hunter22', 'a *** and ***', 'everywhere'],
  ['p"w\\d-line', '{"says":"p\\"w\\\\d-line"}', '{"says":"***"}', 'as it stands in JSON'],
  ['p@ss/word', 'https://x/?p=p%40ss%2Fword', 'https://x/?p=***', 'as it stands in an address'],
  ['hunter22', 'data: aHVudGVyMjI=', 'data: ***', 'in base64, as a Secret holds it'],
  ['hunter22\n', 'data: aHVudGVyMjIK', 'data: ***', 'in base64 with its line break'],
  [pem, 'got ZW50Q2VydGlmaWNhdGVPZkFkYQ== here', 'got *** here', 'one line of a key'],
  ['abc', 'abc', 'abc', 'three letters would take half a text with them'],
  ['ab12', 'ab12', '***', 'a short password is one'],
]
for (const [secret, text, want, why] of hidden)
  test(`a credential: ${why}`, () => {
    const secrets = openSecrets()
    secrets.credential(secret, undefined)
    assert.equal(secrets.hide(text), want)
  })

test('values: shorter ones are words', () => {
  const secrets = openSecrets()
  secrets.values(['true', 'admin', 'hunter22'])
  assert.equal(secrets.hide('admin is true, hunter22'), 'admin is true, ***')
})

test('two that overlap are covered both', () => {
  const secrets = openSecrets()
  secrets.values(['abcdefgh', 'fghijklm', 'abcdefghij'])
  assert.equal(secrets.hide('1 abcdefghijklm 2'), '1 *** 2')
})

const shapes: [text: string, want: string, why: string][] = [
  ['https://ada:pw@git.example.com/x', 'https://***@git.example.com/x', 'a login in an address'],
  ['https://ghp_abc@github.com/x', 'https://***@github.com/x', 'a token in an address'],
  ['ssh://git@github.com/x', 'ssh://git@github.com/x', 'everybody’s user of ssh is no secret'],
  ['Authorization: Bearer abc.def-123', 'Authorization: Bearer ***', 'a header'],
  ['Basic YWRhOnB3Cg==', 'Basic ***', 'another'],
  ['Basic authentication failed', 'Basic authentication failed', 'words'],
  ['got eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl back', 'got *** back', 'a signed token'],
  ['https://hooks.slack.com/services/T0/B0/x', 'https://hooks.slack.com/***', 'Slack’s webhook'],
  ['-----BEGIN EC PRIVATE KEY-----\nMHcC', '***', 'a key that was cut off'],
]
for (const [text, want, why] of shapes) test(`by shape: ${why}`, () => assert.equal(openSecrets().hide(text), want))

test('JSON: words are hidden, names and numbers stay', () => {
  const secrets = openSecrets()
  secrets.values(['payments'])
  const verdict = {
    id: '01',
    cluster: 'payments',
    releases: [
      { release: 'app/payments', reason: 'user payments is unknown', evidence: [{ object: 'Pod payments-1' }] },
    ],
    problem: { at: { file: 'payments-raw.yaml', line: 3, column: 1, source: 'user: payments' } },
    source: 'github.com/acme/payments',
    request: { source: 'payments' },
    at: new Date(0),
  }
  assert.deepEqual(secrets.hide(verdict), {
    ...verdict,
    releases: [{ ...verdict.releases[0], reason: 'user *** is unknown' }],
    problem: { at: { ...verdict.problem.at, source: 'user: ***' } },
  })
})

test('law: a text of secrets and other words holds no secret afterwards', () => {
  const secret = fc
    .string({ minLength: 6, maxLength: 20, unit: 'grapheme-ascii' })
    .filter((one) => one.trim().length > 5)
  fc.assert(
    fc.property(fc.array(secret, { minLength: 1, maxLength: 5 }), fc.array(fc.string()), (all, others) => {
      const secrets = openSecrets()
      secrets.values(all)
      const text = all.map((one, i) => `${others[i] ?? ''}${one}`).join('')
      for (const one of all) assert.ok(!secrets.hide(text).includes(one.trim()), one)
    }),
  )
})

test('the cost does not grow with the number of secrets', () => {
  const secrets = openSecrets()
  secrets.values(Array.from({ length: 20_000 }, (_, i) => `secret-${i}-${'x'.repeat(i % 20)}`))
  secrets.values(Array.from({ length: 20_000 }, (_, i) => `${(i * 7919) % 99_991}-value`))
  const before = performance.now()
  secrets.hide('a line of a log, with a few words and numbers 123-456 '.repeat(1_000))
  assert.ok(performance.now() - before < 500)
})
