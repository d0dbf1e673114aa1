/**
 * `mgo rollback`, as a user runs it: the image that a release had before, as a new commit by who asked.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git, makeBare } from '../git-server.ts'
import { makeMgo } from '../mgo.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-rollback-'))
const path = 'installations/prod/shop-values.yaml'
const text = (name: string) =>
  `__mygitops:\n  chart: ./chart\n  namespace: app\n  images:\n    github.com/acme/${name}: # built by CI\n      repository: acme/shop\n      tag: 1.10\n`
const bare = makeBare(root, 'gitops.git', {
  [path]: text('shop'),
  'installations/test/other-values.yaml': text('other'),
  'installations/prod/other-values.yaml': text('other'),
})
const mgo = makeMgo({ repo: bare })
after(() => {
  mgo.remove()
  rmSync(root, { recursive: true, force: true })
})

const back = (...args: readonly string[]) =>
  mgo.run('rollback', ...args, '--author', 'Grace <grace@example.com>', '--commit-only')
const tag = () => /tag: (.*)/.exec(git(bare, 'show', `main:${path}`))?.[1]

test('back to the image before, and to a commit by name; a new commit each time', async () => {
  const deploy = ['--cluster', 'prod', '--source', 'github.com/acme/shop', '--author', 'Ada', '--commit-only']
  for (const next of ['v2', 'v3'])
    assert.equal((await mgo.run('deploy', ...deploy, '--image', `acme/shop:${next}`)).code, 0)
  const [, second] = git(bare, 'log', '--format=%H', 'main').trim().split('\n')

  const one = await back('app/shop')
  assert.equal(one.code, 0, one.stderr)
  assert.equal(tag(), 'v2')
  assert.match(one.stderr, /going back to [0-9a-f]{12} \(Deploy: acme\/shop:v2 to prod by Ada\)/)
  assert.equal(
    git(bare, 'log', '-1', '--format=%an %s', 'main').trim(),
    'Grace Deploy: acme/shop:v2 to prod by Grace <grace@example.com>',
  )

  const first = git(bare, 'rev-list', '--max-parents=0', 'main').trim()
  assert.equal((await back('shop', '--to', first)).code, 0)
  assert.equal(tag(), '"1.10"', 'a number before is the text that it was written as')
  assert.equal((await back('shop', '--to', 'acme/shop:v3')).code, 0)
  assert.equal(tag(), '"v3"')
  const json = await back('shop', '--to', second?.slice(0, 10) ?? '', '-o', 'json')
  assert.equal((JSON.parse(json.stdout) as { verdict: string }).verdict, 'committed')
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '7')
})

test('a rehearsal says what it would go back to, and writes nothing', async () => {
  const before = git(bare, 'rev-parse', 'main')
  const ran = await back('shop', '--dry-run')
  assert.equal(ran.code, 0)
  assert.match(ran.stderr, /going back to/)
  assert.equal(git(bare, 'rev-parse', 'main'), before)
})

const refused: [why: string, args: readonly string[], says: RegExp][] = [
  ['an unknown release, with the nearest', ['app/shpo'], /no release app\/shpo[\s\S]*app\/shop/],
  ['a release of several clusters', ['other'], /more than one release other: app\/other on prod, app\/other on test/],
  ['one that never had another image', ['other', '--cluster', 'test'], /never had another image/],
  [
    'a commit that is none of its own',
    ['shop', '--to', 'abcabcabc'],
    /no commit abcabcabc changed app\/shop[\s\S]*Deploy:/,
  ],
]
for (const [why, args, says] of refused)
  test(`a rollback is refused: ${why}`, async () => {
    const ran = await back(...args)
    assert.equal(ran.code, 2, ran.stderr)
    assert.match(ran.stderr, says)
  })
