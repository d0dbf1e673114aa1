import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayShow, secretsIn } from './secret-values.ts'

const cases: [file: string, text: string, want: readonly string[], why: string][] = [
  ['web-secrets.yaml', 'db:\n  password: "s3cret-a"\n', ['s3cret-a'], 'a secrets file: every value'],
  [
    'web-secrets.yaml',
    'key: |\n  line-one-of-it\n  line-two\n',
    ['line-one-of-it', 'line-two'],
    'a block, line by line',
  ],
  ['web-secrets.yaml', '# why\nlist:\n  - s3cret-b # rotated\n', ['s3cret-b'], 'a list; comments are none'],
  ['web-secrets.yaml', 'a: [broken\nb: s3cret-c', ['[broken', 's3cret-c'], 'a broken file, too'],
  [
    'net-raw.yaml',
    'kind: ConfigMap\ndata: { a: public-text }\n---\nkind: Secret\nmetadata:\n  name: db\ndata:\n  password: aHVudGVyMjI=\n',
    ['aHVudGVyMjI=', 'hunter22'],
    'a raw file: the Secret alone, as written and decoded',
  ],
  [
    'web-values.yaml',
    'db: { user: app-user, password: s3cret-d }\n',
    ['s3cret-d }', 's3cret-d'],
    'a values file: by the key, in a flow map',
  ],
  ['web-values.yaml', "apiKey: 's3cret e'\nprivate-key: abcdefgh\n", ['s3cret e', 'abcdefgh'], 'other keys'],
  ['web-values.yaml', 'webhook: enabled\n', [], 'a webhook of a values file is a switch'],
  ['web-values.yaml', 'existingSecret: db-login\ntokenTTL: 600\n', [], 'the name of a Secret is no secret'],
]
test('secretsIn: mygitops.yaml: the address of a webhook, also under a misspelt key', () =>
  assert.deepEqual(
    ['webhookurl', 'webhook', 'webHookUri'].map(
      (key) => secretsIn('mygitops.yaml', `slack: { ${key}: "https://a/b" }`)[1],
    ),
    ['https://a/b', 'https://a/b', 'https://a/b'],
  ))
for (const [file, text, want, why] of cases)
  test(`secretsIn: ${why}`, () =>
    assert.deepEqual(
      secretsIn(`installations/prod/${file}`, text).filter((one, i, all) => all.indexOf(one) === i),
      want,
    ))

const shown: [file: string, text: string, want: boolean][] = [
  ['web-values.yaml', 'replicas: x', true],
  ['web-values.yaml', '  password: hunter22', false],
  ['web-secrets.yaml', 'anything: x', false],
  ['net-raw.yaml', 'kind: ConfigMap\ndata:\n  x: 1\n---\nkind: Secret\ndata:\n  password: HERE\n', false],
  ['net-raw.yaml', 'kind: ConfigMap\ndata:\n  x: HERE\n---\nkind: Secret\n', true],
  ['web-values.yaml', 'password: a\nreplicas: HERE\n', true],
]
for (const [file, text, want] of shown)
  test(`mayShow: ${file} ${text}`, () =>
    assert.equal(mayShow({ path: `installations/prod/${file}`, text }, Math.max(0, text.indexOf('HERE'))), want))
