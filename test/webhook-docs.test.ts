/**
 * docs/webhooks.md is held to the table of vendors and to the shape of the settings.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import { followSchema, hooksSchema, registriesSchema } from '../src/config/hook-settings.ts'
import { hookTroubles, resolveHooks } from '../src/config/hooks.ts'
import type { Proof } from '../src/request/hook.ts'
import { vendors } from '../src/request/hook-vendors.ts'

const page = readFileSync(join(import.meta.dirname, '..', 'docs', 'webhooks.md'), 'utf8')

test('the examples of docs/webhooks.md are settings without a problem', () => {
  const whole = /^```yaml\n# file: mgo\.server\.yaml\n(.*?)^```$/ms.exec(page)?.[1]
  const settings = parseDocument(whole ?? '').toJS() as Record<string, unknown>
  const parts = [...page.matchAll(/^```yaml\n# hook of (\S+)\n(.*?)^```$/gms)]
  const more = Object.fromEntries(
    parts.map(([, name = '', text = '']) => [name, parseDocument(text).toJS() as unknown]),
  )
  const hooks = hooksSchema.parse({ ...(settings['hooks'] as object), ...more })
  const resolved = resolveHooks(hooks, (name) => `${name}-with-twenty-letters`)
  assert.deepEqual(resolved.kind === 'refused' ? resolved.problems : hookTroubles(hooks), [])
  assert.equal(Object.keys(hooks).length, 6)
  assert.equal(registriesSchema.parse(settings['registries'])['harbor.example.com']?.username, 'robot$mgo')
  assert.equal(followSchema.parse(settings['follow'])?.every, 60_000)
})

test('docs/webhooks.md has a row for each vendor, and what proves it', () => {
  const rows = [...page.matchAll(/^\| ([^|]+) \| `([a-z]+)` \| ([^|]+) \| [^|]+ \|$/gm)]
  assert.deepEqual(
    rows.map(([, title, name]) => [name, title]),
    vendors.map(({ name, title }) => [name, title]),
  )
  for (const [, , name = '', proven = ''] of rows)
    for (const proof of vendors.find((one) => one.name === name)?.proofs ?? [])
      assert.match(proven, proofWords[proof.kind])
})

/** What docs/webhooks.md calls each kind of proof. */
const proofWords: Readonly<Record<Proof['kind'], RegExp>> = {
  path: /^its address$/,
  header: /a secret header|the secret itself/,
  hmac: /HMAC-SHA/,
  standard: /Standard Webhooks/,
  oidc: /token/,
}
