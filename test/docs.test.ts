/**
 * Docs are held to the code: the table of errors, the help, the examples of a repo.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import { parseServerSettings } from '../src/config/server-settings.ts'
import { serverSchema, serverShape } from '../src/config/server-shape.ts'
import { codes, meaning } from '../src/error.ts'
import { desired } from '../src/manifest/desired.ts'
import { defaultSettings, parseSettings } from '../src/manifest/settings.ts'
import type { Cluster } from '../src/release/ids.ts'
import { words } from '../src/release/verdict.ts'
import { verdictCodes } from '../src/verdict/codes.ts'
import { helpPage } from '../scripts/help.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'DICTIONARY.md',
  'CHANGELOG.md',
  ...globSync('docs/**/*.md', { cwd: root }),
]

test('docs/errors.md is the table of codes', () => {
  const rows = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \| (\d+) \| (\d) \| (yes|no) \| (.+) \|$/gm)]
  const told = rows.map(([, code, http, exit, again]) => ({
    code,
    http: Number(http),
    exit: Number(exit),
    retry: again === 'yes',
  }))
  assert.deepEqual(
    told,
    codes.map((code) => ({ code, ...meaning(code) })),
  )
})

test('docs/verdicts.md has one entry for each code of a verdict', () => {
  const told = [...read('docs/verdicts.md').matchAll(/^### `([A-Z_]+)`$/gm)].map((match) => match[1] ?? '')
  assert.deepEqual(told.toSorted(), verdictCodes.toSorted())
})

test('docs/verdicts.md explains every word', () => {
  const told = [...read('docs/verdicts.md').matchAll(/\*\*`([a-z-]+)`\*\*/g)].map((match) => match[1] ?? '')
  assert.deepEqual(told.toSorted(), words.toSorted())
})

test('docs/cli.md is what --help says', async () => {
  assert.equal(read('docs/cli.md'), await helpPage(), 'run: node_modules/.bin/node scripts/help.ts')
})

test('help fits a screen: 80 columns and 50 lines', () => {
  for (const page of read('docs/cli.md').split('## mgo ').slice(1)) {
    const lines = (/```\n([\s\S]*?)```/.exec(page)?.[1] ?? '').split('\n')
    assert.ok(lines.length <= 50, `${page.slice(0, 20)}: ${lines.length} lines`)
    for (const line of lines) assert.ok(line.length <= 80, line)
  }
})

/** Fenced examples that name their file. */
function examples(page: string): ReadonlyMap<string, string> {
  const blocks = [...read(page).matchAll(/^```yaml\n# file: (\S+)\n(.*?)^```$/gms)]
  return new Map(blocks.map(([, path, text]) => [path ?? '', text ?? '']))
}

test('the examples of docs/gitops-repo.md are a repo without a problem', () => {
  const files = examples('docs/gitops-repo.md')
  const settings = parseSettings(new TextEncoder().encode(files.get('mygitops.yaml')))
  assert.equal(settings.kind, 'ok')
  const given = [...files]
    .filter(([path]) => path !== 'mygitops.yaml')
    .map(([path, text]) => ({ path, oid: '', bytes: new TextEncoder().encode(text) }))
  const found = desired({
    cluster: 'my-prod' as Cluster,
    settings: settings.kind === 'ok' ? settings.settings : defaultSettings,
    files: given,
  })
  assert.deepEqual(found.problems, [])
  assert.equal(found.units.length, 2)
})

test('docs/mgo.server.schema.json is what --print-schema says', () => {
  assert.deepEqual(
    JSON.parse(read('docs/mgo.server.schema.json')),
    JSON.parse(JSON.stringify(serverSchema())),
    'run: bin/mgo serve --print-schema > docs/mgo.server.schema.json',
  )
})

test('every mgo.server.yaml of the pages can be served with', () => {
  let count = 0
  for (const page of pages)
    for (const [, text = ''] of read(page).matchAll(
      /^```yaml\n# (?:file: |part of )mgo\.server\.yaml\n(.*?)^```$/gms,
    )) {
      const whole = text.includes('policy:')
        ? text
        : `${text}policy: []\n`.replace('identities:', 'identities:\n  tokens: true')
      const got = parseServerSettings(page, new TextEncoder().encode(whole))
      assert.deepEqual(got.kind === 'ok' ? got.settings.warnings : got.problems, [], page)
      count++
    }
  assert.ok(count >= 5)
})

test('docs/server.md has every key of the settings', () => {
  const page = read('docs/server.md')
  for (const key of Object.keys(serverShape.shape)) assert.match(page, new RegExp(`^\\| .?\`${key}\\b`, 'm'), key)
})

test('every yaml and json example can be read', () => {
  for (const page of pages)
    for (const [, kind, text = ''] of read(page).matchAll(/^```(yaml|json)\n(.*?)^```$/gms)) {
      if (kind === 'json') assert.doesNotThrow(() => JSON.parse(text) as unknown, `${page}: ${text}`)
      else assert.deepEqual(parseDocument(text, { maxAliasCount: -1 } as object).errors.map(String), [], page)
    }
})

test('links between pages lead somewhere', () => {
  for (const page of pages)
    for (const [, link = ''] of read(page).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (/^https?:/.test(link)) continue
      assert.ok(globSync(join(page, '..', link), { cwd: root }).length > 0, `${page} → ${link}`)
    }
})
