import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeBare } from '../test/git-server.ts'
import { values } from '../test/mgo.ts'
import { checkConfig } from './check-config.ts'
import { parseServerSettings } from './config/server-settings.ts'
import { MgoError } from './error.ts'
import { openRepo } from './git/repo.ts'
import { openSecrets } from './secrets.ts'
import { servingOf } from './serving.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-check-config-'))
after(() => rmSync(root, { recursive: true, force: true }))

const kubeconfig = join(root, 'kubeconfig')
const context = (name: string) => ({ name, context: { cluster: name } })
writeFileSync(kubeconfig, JSON.stringify({ contexts: ['prod', 'gke-east'].map(context) }))
const bare = makeBare(root, 'gitops.git', {
  'mygitops.yaml': 'clusters:\n  east: { context: gke-east }\n  paper: { engine: render }\n',
  'installations/prod/web-values.yaml': values('web'),
  'installations/east/web-values.yaml': values('web'),
  'installations/paper/web-values.yaml': values('web'),
  'installations/lost/web-values.yaml': values('web'),
})
const broken = makeBare(root, 'broken.git', {
  'mygitops.yaml': 'clusters: { prod: { engin: helm } }\n',
  'installations/prod/web-values.yaml': values('web'),
})
const repoOf = (from: string) => async () => {
  const repo = await openRepo(from, {
    mirrors: join(root, 'mirrors'),
    branch: 'main',
    committer: { name: 'mgo', email: 'mgo@localhost' },
    secrets: openSecrets(),
    env: { PATH: process.env['PATH'] ?? '' },
  })
  return { repo, close: () => repo.close() }
}

const policy = `identities: { tokens: true }
policy:
  - { name: web, who: { token: ci }, may: [deploy], clusters: [prod, east, prdo], sources: "**", images: "**" }
follow: { clusters: [prod, nowhere] }
`
async function checked(text: string, from?: string) {
  const got = parseServerSettings(join(root, 'mgo.server.yaml'), new TextEncoder().encode(text))
  assert.ok(got.kind === 'ok', JSON.stringify(got))
  const serving = servingOf({ dryRun: false, commitOnly: false, insecureOpen: false }, got.settings, root)
  const { warnings, problems } = await checkConfig(
    serving,
    from === undefined ? { env: {} } : { env: {}, open: repoOf(from) },
  )
  return { warnings: warnings.map((one) => one.replace(/[.?:] .*/, '')), codes: problems.map(({ code }) => code) }
}

test('without the repo the kubeconfig says which names have no context', async () => {
  assert.deepEqual(await checked(`kubeconfig: ${kubeconfig}\n${policy}`), {
    codes: [],
    warnings: [
      'the rule "web" names the cluster "east", and the kubeconfig has no context of that name',
      'the rule "web" names the cluster "prdo", and the kubeconfig has no context of that name',
      'follow names the cluster "nowhere", and the kubeconfig has no context of that name',
    ],
  })
})

test('with the repo its folders count, and the contexts that it names', async () => {
  assert.deepEqual(await checked(`kubeconfig: ${kubeconfig}\n${policy}`, bare), {
    codes: [],
    warnings: [
      'the rule "web" is for the cluster "prdo", which the gitops repo has no folder for',
      'follow names "nowhere", which the gitops repo has no folder for',
      'the gitops repo has installations/lost, and the kubeconfig no context "lost" to reach it by',
    ],
  })
})

test('what cannot be read is a problem, and all of them are told at once', async () => {
  const nowhere = `kubeconfig: ${join(root, 'nowhere')}\n${policy}`
  const alone = await checked(nowhere)
  assert.deepEqual(alone.codes, [], 'settings may be checked on another machine')
  assert.match(alone.warnings[0] ?? '', /^the kubeconfig .*nowhere cannot be used/)
  assert.deepEqual((await checked(nowhere, broken)).codes, ['KUBECONFIG_INVALID', 'REPO_INVALID'])
  const away = async (): Promise<never> => {
    throw new MgoError({ code: 'GIT_UNREACHABLE', message: 'no route', hint: 'Is it up?' })
  }
  const got = parseServerSettings('s', new TextEncoder().encode(nowhere))
  assert.ok(got.kind === 'ok')
  const serving = servingOf({ dryRun: false, commitOnly: false, insecureOpen: false }, got.settings, root)
  const { problems } = await checkConfig(serving, { env: {}, open: away })
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['KUBECONFIG_INVALID', 'GIT_UNREACHABLE'],
  )
})

test('a server that touches no cluster needs no context', async () => {
  assert.deepEqual(await checked(`kubeconfig: ${kubeconfig}\ncommitOnly: true\n${policy}`), { codes: [], warnings: [] })
})
