/**
 * `mgo access explain` beside a server: random rules, somebody, a question, and both must say the same. The server is asked for
 * real: a deploy until its verdict, a look, a delivery. `MGO_SEED=7` chooses the rules, `MGO_SEEDS=50` tries more of them.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { makeBare, startGitServer } from '../git-server.ts'
import { startIssuer } from '../issuer.ts'
import { chart, makeMgo, values } from '../mgo.ts'
import { seen } from '../seen.ts'

const [audience, secret] = ['https://mgo.example.com', 'the-secret-of-every-hook-0123']
const [issuer, gitServer] = [await startIssuer(audience), await startGitServer()]
const [apps, clusters] = [['web', 'pay'] as const, ['prod', 'test'] as const]
makeBare(gitServer.root, 'gitops.git', {
  ...chart,
  ...Object.fromEntries(
    clusters.flatMap((cluster) => apps.map((app) => [`installations/${cluster}/${app}-values.yaml`, values(app)])),
  ),
})
const ids = { ONE: 'the-id-of-the-first-hook-0123', TWO: 'the-id-of-the-other-hook-0123' }
const mgo = makeMgo({ repo: gitServer.url('gitops.git'), env: { ...ids, SECRET: secret } })
const config = join(mgo.state, 'mgo.server.yaml')
after(async () => {
  await gitServer.close()
  await issuer.close()
  mgo.remove()
})

const source = (app: string) => `github.com/acme/${app}`
const image = (app: string) => `localhost:5000/acme/${app}`
const hook = (id: string) =>
  `{ vendor: generic, idEnv: ${id}, secretEnv: SECRET, images: [${apps.map((app) => `{ repository: "${image(app)}", source: ${source(app)}, clusters: [prod], tags: any }`).join(', ')}] }`
const settings = (policy: readonly unknown[]) => `commitOnly: true
identities:
  tokens: true
  issuers: { ci: { issuer: "${issuer.url}", audience: "${audience}", claims: { repository_owner: acme } } }
hooks: { one: ${hook('ONE')}, two: ${hook('TWO')} }
limits: { requestsPerMinute: 10000, failuresPerMinute: 10000, deliveriesPerMinute: 10000 }
policy: ${JSON.stringify(policy)}
`

const some = (...words: readonly string[]) => fc.uniqueArray(fc.constantFrom(...words), { minLength: 1, maxLength: 2 })
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined })
const sources = some('**', 'github.com/acme/*', 'github.com/acme/web', 'github.com/acme/p*', 'github.com/*')
const images = some('**', 'localhost:5000/acme/*', image('web'), `${image('web')}:v1*`, `${image('pay')}:v*`)
const claims = fc.constantFrom(
  { repository_id: '1' },
  { repository_id: ['1', '2'], ref: 'refs/heads/*' },
  { repository_id: '1', event_name: 'pull_request' },
  { sub: 'repo:acme/web:**' },
)
const who = fc.oneof(
  fc.constantFrom('ci', 'ci-*', '*').map((token) => ({ token })),
  fc.constantFrom('one', '*').map((name) => ({ hook: name })),
  claims.map((one) => ({ issuer: 'ci', claims: one })),
)
const rule = fc
  .record({
    who,
    may: fc.uniqueArray(fc.constantFrom('deploy', 'read', 'rollback', 'sync', 'admin'), { minLength: 1 }),
    clusters: some('**', 'prod', 't*', '*'),
    sources: maybe(sources),
    images: maybe(images),
    releases: maybe(some('shop/web', 'shop/*', '**', 'other/*')),
    whole: fc.tuple(sources, images),
  })
  // What changes something must say of what.
  .map(({ whole: [ofSources, ofImages], ...one }) =>
    one.may.every((verb) => verb === 'read' || verb === 'sync')
      ? one
      : { ...one, sources: one.sources ?? ofSources, images: one.images ?? ofImages },
  )
const policy = fc
  .array(rule, { minLength: 1, maxLength: 4 })
  .map((rules) => rules.map((one, i) => ({ name: `rule ${i + 1}`, ...one })))

/** As the server meets them, and as `explain` is told of them. */
type Somebody = { readonly bearer: string; readonly as: readonly string[]; readonly hook?: keyof typeof ids }
type Question = {
  readonly kind: 'deploy' | 'read' | 'release' | 'audit'
  readonly cluster: string
  readonly app: string
  readonly tag: string
}
const question = fc.record<Question>({
  kind: fc.constantFrom('deploy', 'deploy', 'read', 'release', 'audit'),
  cluster: fc.constantFrom(...clusters),
  app: fc.constantFrom(...apps),
  tag: fc.constantFrom('v1', 'v2', 'v10'),
})

const jobs: readonly Readonly<Record<string, unknown>>[] = [
  { repository_id: '1', ref: 'refs/heads/main' },
  { repository_id: '2', ref: 'refs/tags/v1' },
  { repository_id: '1', ref: 'refs/pull/7/merge', event_name: 'pull_request' },
  { repository_id: '1', ref: ['refs/heads/main'], event_name: ['pull_request'] },
  { repository_id: 1, sub: 'repo:acme/other:ref:refs/heads/main' },
  { repository_id: '1', repository_owner: 'eve' },
  { repository_id: '1', aud: 'https://else.example.com' },
]

async function everybody(): Promise<readonly Somebody[]> {
  const token = async (name: string, ...scopes: readonly string[]): Promise<Somebody> => {
    const more = scopes.flatMap((scope) => ['--scope', scope])
    const made = await mgo.run('token', 'create', '--config', config, '--name', name, '--expires', '1h', ...more)
    assert.equal(made.code, 0, made.stderr)
    return { bearer: made.stdout.split('\n')[0] ?? '', as: ['--as', `token ${name}`] }
  }
  const tokens = [
    await token('ci'),
    await token('ci-web'),
    await token('other'),
    await token(
      'scoped',
      `deploy,read cluster=p* source=${source('web')} image=${image('web')}:v1*`,
      'read cluster=test',
    ),
    await token('gone', 'admin cluster=** source=** image=**'),
  ]
  assert.equal((await mgo.run('token', 'revoke', 'gone', '--config', config)).code, 0)
  const signed = jobs.map(async (one, i): Promise<Somebody> => {
    const bearer = await issuer.sign({ repository_owner: 'acme', ...one })
    writeFileSync(join(mgo.state, `job-${i}`), bearer)
    return { bearer, as: ['--claims', join(mgo.state, `job-${i}`)] }
  })
  const hooks = (['ONE', 'TWO'] as const).map((one) => ({
    bearer: '',
    as: ['--as', `hook ${one.toLowerCase()}`],
    hook: one,
  }))
  return [...tokens, ...(await Promise.all(signed)), ...hooks]
}

const counts = { allowed: 0, denied: 0 }
writeFileSync(config, settings([]))
const people = await everybody()
const made = await mgo.run(
  'token',
  'create',
  '--config',
  config,
  '--name',
  'root',
  '--expires',
  '1h',
  '--scope',
  'admin cluster=** source=** image=**',
)
const admin = made.stdout.split('\n')[0] ?? ''
const service = await mgo.serve('--config', config)
after(() => service.kill())

async function send(
  path: string,
  bearer: string,
  body?: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }
  const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) }
  const answer = await fetch(`${service.url}${path}`, init)
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

let deliveries = 0
/** A delivery, and what became of its deploy: 200, 403. */
async function deliver(id: keyof typeof ids, { app, tag }: Question): Promise<number> {
  const body = JSON.stringify({ id: `build-${deliveries++}`, image: `${image(app)}:${tag}` })
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
  const headers = { 'content-type': 'application/json', 'x-signature-256': signature }
  const answer = await fetch(`${service.url}/webhooks/generic/${ids[id]}`, { method: 'POST', headers, body })
  const { deploys = [] } = (await answer.json()) as { readonly deploys?: readonly { readonly id: string }[] }
  const [deploy] = deploys
  return deploy === undefined ? answer.status : (await send(`/v1/deploys/${deploy.id}?wait=20s`, admin)).status
}

const wishOf = ({ cluster, app, tag }: Question) => ({ cluster, source: source(app), image: `${image(app)}:${tag}` })

/** Whether the server lets them. */
async function really(one: Somebody, asked: Question): Promise<boolean> {
  if (one.hook !== undefined) return (await deliver(one.hook, asked)) === 200
  const { cluster, app } = asked
  switch (asked.kind) {
    case 'deploy':
      return (await send('/v1/deploys?wait=20s', one.bearer, wishOf(asked))).status === 200
    case 'read': {
      const { body } = await send('/v1/deploys?wait=20s', admin, wishOf(asked))
      return (await send(`/v1/deploys/${String(body['id'])}`, one.bearer)).status === 200
    }
    case 'release': {
      const { body } = await send(`/v1/clusters/${cluster}/releases`, one.bearer)
      const releases = (body['releases'] ?? []) as readonly { readonly release: string }[]
      return releases.some(({ release }) => release === `shop/${app}`)
    }
    case 'audit':
      return (await send('/v1/audit', one.bearer)).status === 200
  }
}

async function explained(one: Somebody, asked: Question): Promise<{ readonly code: number; readonly stdout: string }> {
  const { cluster, app, tag } = asked
  const place = ['--cluster', cluster, '--source', source(app), '--image', `${image(app)}:${tag}`]
  const about = {
    deploy: [...place, '--release', `shop/${app}`],
    read: ['--verb', 'read', ...place],
    release: ['--verb', 'read', ...place, '--release', `shop/${app}`],
    audit: ['--verb', 'admin'],
  }[one.hook === undefined ? asked.kind : 'deploy']
  const said = await mgo.run('access', 'explain', '--config', config, ...one.as, ...about)
  assert.ok(said.code === 0 || said.code === 1, said.stderr)
  return said
}

/** The image of a release that is there decides who sees it, so it is put there first. */
async function prepared(one: Somebody, asked: Question): Promise<Question> {
  if (one.hook !== undefined) return { ...asked, kind: 'deploy', cluster: 'prod' }
  if (asked.kind === 'release') assert.equal((await send('/v1/deploys?wait=20s', admin, wishOf(asked))).status, 200)
  return asked
}

const first = Number(process.env['MGO_SEED'] ?? 1)
const turns = Number(process.env['MGO_SEEDS'] ?? 4)
for (let seed = first; seed < first + turns; seed++)
  test(`explain says what the server does, seed ${seed}`, async () => {
    const [rules = []] = fc.sample(policy, { seed, numRuns: 1 })
    writeFileSync(config, settings(rules))
    const before = service.log().length
    process.kill(service.pid, 'SIGHUP')
    await seen(() => /the settings were read again/.test(service.log().slice(before)))
    const questions = fc.sample(question, { seed, numRuns: people.length * 2 })
    for (const [i, some] of questions.entries()) {
      const one = people[i % people.length] ?? assert.fail()
      const asked = await prepared(one, some)
      const [is, says] = [await really(one, asked), await explained(one, asked)]
      counts[is ? 'allowed' : 'denied']++
      assert.equal(
        says.code === 0,
        is,
        `${one.as.join(' ')} ${JSON.stringify(asked)}\n${says.stdout}${JSON.stringify(rules, null, 1)}`,
      )
    }
  })

test('both answers came up', () => assert.ok(counts.allowed > turns && counts.denied > turns, JSON.stringify(counts)))
