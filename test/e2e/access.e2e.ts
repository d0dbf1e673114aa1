/**
 * Access as an operator meets it: the settings, the tokens and the server are the real programs, the gitops repo is real
 * git over HTTP. The server commits only, so that no cluster is needed.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git, makeBare, startGitServer } from '../git-server.ts'
import { startIssuer } from '../issuer.ts'
import { chart, makeMgo, values } from '../mgo.ts'

const audience = 'https://mgo.example.com'
const issuer = await startIssuer(audience)
const server = await startGitServer()
const bare = makeBare(server.root, 'gitops.git', {
  ...chart,
  'installations/my-prod/web-values.yaml': values('web'),
  'installations/my-prod/shared-values.yaml': values('shared'),
  'installations/my-prod/twin-values.yaml': values('shared'),
})
const mgo = makeMgo({ repo: server.url('gitops.git') })
const config = join(mgo.state, 'mgo.server.yaml')
writeFileSync(
  config,
  `commitOnly: true
journal: journal.sqlite
identities:
  tokens: tokens.sqlite
  issuers:
    ci: { issuer: "${issuer.url}", audience: "${audience}" }
policy:
  - name: acme from main
    who: { issuer: ci, claims: { repository_id: 4711, ref: refs/heads/main } }
    may: [deploy]
    clusters: my-prod
    sources: github.com/acme/*
    images: localhost:5000/acme/*
    releases: [shop/web, shop/shared]
`,
)
const service = await mgo.serve('--config', config)
after(async () => {
  await service.stop()
  await server.close()
  await issuer.close()
  mgo.remove()
})

const good = { repository_id: '4711', ref: 'refs/heads/main', actor: 'ada', actor_id: '7' }

async function deploy(authorization: string, app: string, tag: string) {
  const response = await fetch(`${service.url}/v1/deploys?wait=30s`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({
      cluster: 'my-prod',
      source: `github.com/acme/${app}`,
      image: `localhost:5000/acme/${app}:${tag}`,
      author: 'Eve <eve@example.com>',
    }),
  })
  return {
    status: response.status,
    body: (await response.json()) as { readonly code?: string; readonly problem?: { readonly code: string } },
  }
}

const tip = () => git(bare, 'rev-parse', 'main').trim()

test('the commit of a job is by its actor, and its trailer says how that was verified', async () => {
  const said = await deploy(`Bearer ${await issuer.sign(good)}`, 'web', 'v2')
  assert.equal(said.status, 200, JSON.stringify(said.body))
  assert.equal(git(bare, 'log', '-1', '--format=%an <%ae>', 'main').trim(), 'ada <7+ada@users.noreply.github.com>')
  const message = git(bare, 'log', '-1', '--format=%B', 'main')
  assert.match(message, new RegExp(`^Mgo-Verified-By: oidc ${issuer.url} repo:acme/web:ref:refs/heads/main$`, 'm'))
  assert.doesNotMatch(message, /Eve/)
})

test('a source that also feeds a release outside of the rule commits nothing', async () => {
  const before = tip()
  const said = await deploy(`Bearer ${await issuer.sign(good)}`, 'shared', 'v2')
  assert.deepEqual([said.status, said.body.problem?.code], [403, 'FORBIDDEN'])
  assert.match(JSON.stringify(said.body), /also feeds shop\/twin/)
  assert.equal(tip(), before)
})

test('a token is made, used, shown and revoked while the server runs', async () => {
  const scope = 'deploy cluster=my-prod source=github.com/acme/web image=localhost:5000/acme/web'
  const about = ['--config', config, '--name', 'old-ci', '--expires', '90d', '--scope', scope]
  const made = await mgo.run('token', 'create', ...about)
  assert.equal(made.code, 0, made.stderr)
  const token = made.stdout.trim()
  const basic = `Basic ${Buffer.from(`any:${token}`).toString('base64')}`
  assert.equal((await deploy(basic, 'web', 'v3')).status, 200)
  assert.equal(git(bare, 'log', '-1', '--format=%an', 'main').trim(), 'old-ci')
  assert.match(
    (await mgo.run('token', 'list', '--config', config)).stdout,
    /^old-ci {2}[0-9a-f]{16} {2}counts .*last used 20\d\d-/m,
  )
  assert.equal((await mgo.run('token', 'create', ...about)).code, 2, 'the name is taken')
  assert.equal((await mgo.run('token', 'revoke', '--config', config, 'old-ci')).code, 0)
  assert.equal((await deploy(`Bearer ${token}`, 'web', 'v4')).status, 401)
  for (const file of ['tokens.sqlite', 'tokens.sqlite-wal', 'journal.sqlite', 'journal.sqlite-wal'])
    assert.ok(!readFileSync(join(mgo.state, file)).includes(token), file)
  assert.ok(!service.log().includes(token))
})

test('explain says what the server would', async () => {
  const claims = join(mgo.state, 'claims.json')
  writeFileSync(claims, JSON.stringify({ iss: issuer.url, sub: 'repo:acme/web', ...good, ref: 'refs/heads/next' }))
  const asked = ['--cluster', 'my-prod', '--source', 'github.com/acme/web', '--image', 'localhost:5000/acme/web:v2']
  const denied = await mgo.run('access', 'explain', '--config', config, '--claims', claims, ...asked)
  assert.equal(denied.code, 1)
  assert.match(
    denied.stdout,
    /nearest is "acme from main": the job's ref is "refs\/heads\/next", not refs\/heads\/main/,
  )
  writeFileSync(claims, JSON.stringify({ iss: issuer.url, sub: 'repo:acme/web', ...good }))
  const allowed = await mgo.run('access', 'explain', '--config', config, '--claims', claims, ...asked)
  assert.equal(allowed.code, 0)
  assert.match(allowed.stdout, /by "acme from main"; releases: shop\/web, shop\/shared/)
})

test('explain is as strict as the server, and says what cannot be read', async () => {
  const claims = join(mgo.state, 'claims.json')
  const asked = ['--cluster', 'my-prod', '--source', 'github.com/acme/web', '--image', 'localhost:5000/acme/web:v2']
  const explain = (...more: string[]) => mgo.run('access', 'explain', '--config', config, ...more, ...asked)
  const cases: [text: string, code: number, says: RegExp][] = [
    [await issuer.sign(good), 0, /^allowed: .*by "acme from main"/],
    [
      await issuer.sign({ ...good, aud: 'https://else.example.com' }),
      1,
      /whatever the rules say: the job's aud is "https:\/\/else/,
    ],
    ['{}', 2, /the claims have no iss/],
    ['{"iss":"https://else.example.com"}', 2, /no issuer of the settings is "https:\/\/else/],
    ['[]', 2, /no JSON object/],
    ['a.b.c', 2, /no JSON object/],
  ]
  for (const [text, code, says] of cases) {
    writeFileSync(claims, text)
    const ended = await explain('--claims', claims)
    assert.equal(ended.code, code, ended.stderr)
    assert.match(ended.stdout + ended.stderr, says)
  }
  assert.match((await explain('--claims', `${claims}.none`)).stderr, /^USAGE: the claims cannot be read from .*ENOENT/)
  assert.match((await explain('--as', 'hook nobody')).stderr, /^USAGE: there is no hook "nobody"/)
  assert.match((await explain('--as', 'token old-ci')).stdout, /whatever the rules say: the token is revoked/)
})

test('what is wrong with the settings is said with its place', async () => {
  const broken = join(mgo.state, 'broken.yaml')
  writeFileSync(broken, 'listn: 127.0.0.1:0\npolicy: []\n')
  const ended = await mgo.run('serve', '--config', broken, '--check-config')
  assert.equal(ended.code, 2)
  assert.match(ended.stderr, /unknown key "listn".*\n {2}at .*broken.yaml:1:1\n.*\n.*\^\n {2}Did you mean "listen"\?/)
  assert.equal((await mgo.run('serve', '--config', config, '--check-config')).code, 0)
  const check = async (text: string) => {
    writeFileSync(broken, text)
    return mgo.run('serve', '--config', broken, '--check-config')
  }
  const open = await check('listen: 0.0.0.0:8080\n')
  assert.equal(open.code, 2)
  assert.match(open.stderr, /does not serve 0\.0\.0\.0 without identities/)
  const here = await check(
    'tls: { cert: no.crt, key: no.key }\nhooks: { git: { vendor: github, idEnv: NO_ID, secretEnv: NO_SECRET } }\n',
  )
  assert.equal(here.code, 0, here.stderr)
  for (const says of [/would not start here: the hook git has no NO_ID/, /no NO_SECRET/, /the certificate .*no\.crt/])
    assert.match(here.stderr, says)
  const untaken = await mgo.run('token', 'create', '--config', broken, '--name', 'x', '--expires', '1d')
  assert.equal(untaken.code, 2)
  assert.match(untaken.stderr, /^CONFIG_INVALID: the settings .*broken\.yaml take no static tokens/)
})

test('the line that says where it listens hides no address', async () => {
  for (const [listen, said] of [
    ['0.0.0.0:0', /^http:\/\/0\.0\.0\.0:\d+$/],
    [':0', /^http:\/\/\[::\]:\d+$/],
    ['127.0.0.1:0', /^http:\/\/127\.0\.0\.1:\d+$/],
  ] as const) {
    const trial = makeMgo({ repo: bare })
    const open = await trial.serve('--insecure-open', '--listen', listen)
    assert.match(open.url, said)
    await open.kill()
    trial.remove()
  }
})

test('off loopback without identities the server does not start', async () => {
  const ended = await mgo.run('serve', '--listen', '0.0.0.0:0')
  assert.equal(ended.code, 2)
  assert.match(ended.stderr, /CONFIG_INVALID: mgo does not serve 0\.0\.0\.0 without identities/)
})
