/**
 * The command line as a user meets it: exit codes, what stdout and stderr get, and messages that say what to do next.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git, makeBare } from '../git-server.ts'
import { call, makeMgo } from '../mgo.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-cli-'))
const path = 'installations/prod/shop-values.yaml'
const text = '__mygitops:\n  chart: ./chart\n  images:\n    github.com/acme/shop: { repository: acme/shop, tag: v1 }\n'
const bare = makeBare(root, 'gitops.git', {
  [path]: text,
  'chart/Chart.yaml': 'apiVersion: v2\nname: x\nversion: 1.0.0\n',
})
const mgo = makeMgo({ repo: bare, kubeconfig: join(root, 'no-kubeconfig') })
after(() => {
  mgo.remove()
  rmSync(root, { recursive: true, force: true })
})

const ask = (more: Readonly<Record<string, string>> = {}): readonly string[] =>
  Object.entries({
    '--cluster': 'prod',
    '--source': 'github.com/acme/shop',
    '--image': 'acme/shop:v2',
    '--author': 'Ada <ada@example.com>',
    ...more,
  }).flat()

const refused: [why: string, args: readonly string[], code: number, says: RegExp][] = [
  ['an unknown flag, with the nearest', ['validate', '--cluser', 'x'], 2, /--cluser[\s\S]*--cluster/],
  ['an unknown command, with the nearest', ['deplyo'], 2, /deplyo[\s\S]*deploy/],
  ['nothing at all', [], 2, /Usage: mgo/],
  ['no author', ['deploy', ...ask().slice(0, 6)], 2, /--author/],
  [
    'an image without a tag',
    ['deploy', ...ask({ '--image': 'acme/shop' })],
    2,
    /IMAGE_INVALID[\s\S]*acme\/shop:latest/,
  ],
  ['a cluster that leaves the folder', ['deploy', ...ask({ '--cluster': '../x' })], 2, /REQUEST_INVALID/],
  [
    'a source like a flag',
    ['deploy', ...ask({ '--source': '--upload-pack=touch x' })],
    2,
    /no source|argument missing/,
  ],
  ['a forged second author', ['deploy', ...ask({ '--author': 'A <a@x>\nEve <e@x>' })], 2, /AUTHOR_INVALID/],
  ['an author of 10 KB', ['deploy', ...ask({ '--author': 'x'.repeat(10_000) })], 2, /AUTHOR_INVALID/],
  [
    'an unknown cluster, with the nearest',
    ['deploy', ...ask({ '--cluster': 'prdo' }), '--commit-only'],
    2,
    /CLUSTER_UNKNOWN[\s\S]*prod/,
  ],
  [
    'an unknown source, with the nearest',
    ['deploy', ...ask({ '--source': 'github.com/acme/shpo' }), '--commit-only'],
    2,
    /SOURCE_UNKNOWN[\s\S]*acme\/shop/,
  ],
  [
    'no kubeconfig: nothing is committed',
    ['deploy', ...ask()],
    5,
    /(?:KUBECONFIG_INVALID|HELM_MISSING)[\s\S]*nothing was committed/,
  ],
  ['no git repo', ['validate', '--gitops-repo', '/nonexistent'], 4, /GIT_NOT_A_REPO/],
  ['a time that is none', ['deploy', ...ask(), '--timeout', 'soon'], 2, /90s, 5m/],
  ['an output that is none', ['validate', '-o', 'xml'], 2, /text or json/],
]
for (const [why, args, code, says] of refused)
  test(`the command line refuses ${why}`, async () => {
    const ran = await mgo.run(...args)
    assert.equal(ran.code, code, ran.stdout + ran.stderr)
    assert.match(ran.stdout + ran.stderr, says)
    assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '1')
  })

test('-o json: one value on stdout, whatever happens, and no colours in a pipe', async () => {
  for (const [args, code] of [
    [['validate'], 0],
    [['deploy', ...ask(), '--dry-run'], 0],
    [['deploy', ...ask({ '--source': 'nothing' }), '--commit-only'], 2],
    [['deploy', ...ask({ '--image': 'x' })], 2],
  ] as const) {
    const ran = await mgo.run(...args, '-o', 'json')
    assert.equal(ran.code, code, ran.stderr)
    assert.equal(typeof JSON.parse(ran.stdout), 'object')
    assert.doesNotMatch(ran.stdout + ran.stderr, /\u001b/)
  }
})

test('the old tool’s flags before the command, and --debug', async () => {
  const env = { HOME: root, MGO_STATE: join(root, 'state') }
  const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
  const ran = await call(
    process.execPath,
    [main, '--debug', '--gitops-repo', bare, 'deploy', ...ask(), '--dry-run'],
    env,
  )
  assert.equal(ran.code, 0, ran.stderr)
  assert.match(ran.stdout, /\+ {4}github\.com\/acme\/shop: \{ repository: acme\/shop, tag: v2 \}/)
})
