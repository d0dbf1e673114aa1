/**
 * A gitops repo whose values files are made to hurt, behind a running server.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { git, put } from '../git-server.ts'
import { ask, root, startTarget, wish } from './target.ts'

const values = (source: string, more = '') =>
  `__mygitops:\n  chart: ./c\n  images:\n    ${source}: { repository: acme/x, tag: v1 }\n${more}`
const laughs = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(10)}]\n`).join('')
const many = (count: number, line: (i: number) => string) => Array.from({ length: count }, (_, i) => line(i)).join('')
const bombs: readonly (readonly [name: string, more: string])[] = [
  ['laughs', `a0: &a0 [x]\n${laughs}`],
  ['deep', `x: ${'['.repeat(10_000)}${']'.repeat(10_000)}\n`],
  ['keys', many(100_000, (i) => `k${i}: 1\n`)],
  [
    'merges',
    `m0: &m0 { t: x }\n${many(30, (i) => `m${i + 1}: &m${i + 1} { <<: [*m${i}, *m${i}] }\n`)}x: { <<: *m30 }\n`,
  ],
  ['twice', 'k: 1\n'.repeat(10_000)],
  ['proto', '__proto__: { polluted: 1 }\nconstructor: { prototype: { polluted: 1 } }\n'],
]
const odd = ['link', 'sub', 'lfs', 'run', 'large'] as const

/** Modes and sizes that no values file has. */
function addOdd(bare: string): void {
  const work = mkdtempSync(join(root, 'odd-'))
  const path = (name: string) => `installations/odd/${name}-values.yaml`
  git(work, 'clone', '--quiet', bare, '.')
  put(work, {
    [path('lfs')]: 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n',
    [path('run')]: values('github.com/acme/run'),
    [path('large')]: Buffer.concat([
      Buffer.from(values('github.com/acme/large', '# ')),
      Buffer.alloc(100_000_000, 'x'),
    ]),
    [path('fine')]: values('github.com/acme/fine'),
  })
  git(work, 'add', '--all')
  git(work, 'update-index', '--chmod=+x', path('run'))
  const blob = git(work, 'rev-parse', 'HEAD:installations/my-prod/web-values.yaml').trim()
  git(work, 'update-index', '--add', '--cacheinfo', `120000,${blob},${path('link')}`)
  git(work, 'update-index', '--add', '--cacheinfo', `160000,${git(work, 'rev-parse', 'HEAD').trim()},${path('sub')}`)
  git(work, 'commit', '--quiet', '-m', 'Odd')
  git(work, 'push', '--quiet')
}

const files = bombs.map(([name, more]) => [`installations/${name}/x-values.yaml`, values(`github.com/acme/x`, more)])
const target = await startTarget(Object.fromEntries(files) as Record<string, string>, 'failuresPerMinute: 1000', addOdd)
const { admin } = target.tokens

for (const name of odd)
  test(`S6: a values file that is none (${name}) is never written`, async () => {
    const before = target.commits()
    const said = await ask(target, '/v1/deploys?wait=30s', {
      token: admin,
      body: { ...wish, cluster: 'odd', source: `github.com/acme/${name}`, image: 'acme/x:v2' },
    })
    assert.ok(said.status >= 400 && said.status < 500, said.text)
    assert.match(said.text, new RegExp(`${name}-values`))
    assert.equal(target.commits(), before)
  })

for (const [name] of bombs)
  test(`S8: a values file that is a bomb (${name}) is answered in time, and others go on`, async () => {
    const begun = performance.now()
    const body = { ...wish, cluster: name, source: 'github.com/acme/x', image: 'acme/x:v2' }
    const [said, health] = await Promise.all([
      ask(target, '/v1/deploys?wait=30s', { token: admin, body }),
      ask(target, '/healthz'),
    ])
    assert.ok(performance.now() - begun < 20_000)
    assert.equal(health.status, 200)
    if (name === 'proto') assert.equal(said.status, 200)
    else assert.ok(said.status >= 400 && said.status < 500, said.text.slice(0, 200))
  })
