import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Image } from '../release/image.ts'
import type { Claims } from './claims.ts'
import type { Wish } from './grant.ts'
import { type Rule, may } from './policy.ts'
import type { Principal } from './principal.ts'
import { parseScope } from './scope.ts'

const image = (repository: string, tag?: string): Image => ({
  repository,
  tag,
  digest: tag === undefined ? `sha256:${'0'.repeat(64)}` : undefined,
})
const everything = { clusters: ['**'], sources: ['**'], images: ['**'] }
const policy: readonly Rule[] = [
  {
    name: 'web from main',
    who: { issuer: 'github', claims: { repository_id: ['4711'], ref: ['refs/heads/main', 'refs/tags/v*'] } },
    may: ['deploy', 'read'],
    clusters: ['my-prod', 'team-*'],
    sources: ['github.com/acme/web'],
    images: ['ghcr.io/acme/web:v*'],
    releases: ['app/web', 'app/web-*'],
  },
  {
    name: 'previews',
    who: { issuer: 'github', claims: { repository_id: ['4711'], event_name: ['pull_request'] } },
    ...everything,
    may: ['deploy'],
    clusters: ['preview'],
  },
  {
    name: 'whoever is protected',
    who: { issuer: 'gitlab', claims: { project_id: ['22'], ref_protected: ['true'] } },
    ...everything,
    may: ['deploy', 'rollback'],
    clusters: ['my-prod'],
  },
  {
    name: 'the bot',
    who: { issuer: 'github', claims: { repository: ['acme/pull_request-bot'], ref: ['**'] } },
    ...everything,
    may: ['deploy'],
  },
  { name: 'hub', who: { hook: 'hub-*' }, ...everything, may: ['deploy'], images: ['acme/*'] },
  { name: 'people', who: { token: 'ops-*' }, ...everything, may: ['admin'] },
  { name: 'watchers', who: { token: 'board' }, may: ['read'], clusters: ['**'] },
]

const claims = (more: Claims = {}): Claims => ({
  repository_id: '4711',
  repository: 'acme/web',
  ref: 'refs/heads/main',
  event_name: 'push',
  sub: 'repo:acme/web:ref:refs/heads/main',
  ...more,
})
const job = (more?: Claims, issuer = 'github'): Principal => ({ kind: 'job', issuer, claims: claims(more) })
const gitlab = (more: Claims): Principal => ({ kind: 'job', issuer: 'gitlab', claims: more })
const token = (name: string, ...scopes: string[]): Principal => ({
  kind: 'token',
  name,
  scopes: scopes.map((text) => {
    const read = parseScope(text)
    assert.ok(read.kind === 'ok', text)
    return read.grant
  }),
})
const hook = (id: string): Principal => ({ kind: 'hook', id })
const wish = (more: Partial<Wish> = {}): Wish => ({
  verb: 'deploy',
  cluster: 'my-prod',
  source: 'github.com/acme/web',
  image: image('ghcr.io/acme/web', 'v1'),
  ...more,
})
const only = (verb: Wish['verb'], cluster?: string): Wish => ({ verb, cluster })

const cases: [who: Principal, wish: Wish, want: string | undefined, why: string][] = [
  [job(), wish(), 'web from main', 'the job that the rule is for'],
  [job({ ref: 'refs/tags/v2' }), wish(), 'web from main', 'the other ref of the list'],
  [job({ ref: 'refs/heads/mine' }), wish(), undefined, 'another branch'],
  [job({ ref: undefined }), wish(), undefined, 'a claim that is missing'],
  [job({ repository_id: '4712' }), wish(), undefined, 'another repository of the same name: a recycled one'],
  [job({ repository_id: 4711 }), wish(), 'web from main', 'a number counts as it is written'],
  [job({ repository_id: ['4711'] }), wish(), 'web from main', 'a list has it'],
  [job({ repository_id: { is: '4711' } }), wish(), undefined, 'a map is no value'],
  [job({}, 'gitlab'), wish(), undefined, 'the same claims from another issuer'],
  [job(), wish({ cluster: 'my-staging' }), undefined, 'another cluster'],
  [job(), wish({ cluster: 'team-a' }), 'web from main', 'a cluster by pattern'],
  [job(), wish({ source: 'github.com/acme/shop' }), undefined, 'another source'],
  [job(), wish({ image: image('evil.io/acme/web', 'v1') }), undefined, 'another repository of the image'],
  [job(), wish({ image: image('ghcr.io/acme/web', 'latest') }), undefined, 'a tag outside of the pattern'],
  [job(), wish({ image: image('ghcr.io/acme/web') }), undefined, 'no tag, where the pattern has one'],
  [job(), wish({ release: 'app/web-2' }), 'web from main', 'a release by pattern'],
  [job(), wish({ release: 'kube-system/dns' }), undefined, 'another release'],
  [job(), only('sync', 'my-prod'), undefined, 'another verb'],
  [job(), wish({ verb: 'read' }), 'web from main', 'reading what the rule is for'],
  [job(), only('read', 'my-prod'), undefined, 'reading the whole cluster, where the rule is for one source'],
  [job(), { verb: 'read', cluster: 'my-prod', release: 'app/web' }, 'web from main', 'reading a release it names'],
  [job({ event_name: 'pull_request' }), wish(), undefined, 'a pull request, though ref and id fit'],
  [job({ event_name: 'pull_request_target' }), wish(), undefined, 'the kind that runs with the base’s rights'],
  [job({ sub: 'repo:acme/web:pull_request' }), wish(), undefined, 'a pull request by its subject'],
  [job({ event_name: 'pull_request' }), wish({ cluster: 'preview' }), 'previews', 'a rule that names pull requests'],
  [gitlab({ project_id: '22', ref_protected: 'true' }), wish(), 'whoever is protected', 'GitLab'],
  [gitlab({ project_id: '22', ref_protected: 'false' }), wish(), undefined, 'an unprotected ref'],
  [gitlab({ project_id: '22', ref_protected: true }), wish(), 'whoever is protected', 'a boolean counts as written'],
  [
    gitlab({ project_id: '22', ref_protected: 'true', pipeline_source: 'merge_request_event' }),
    wish(),
    undefined,
    'a merge request',
  ],
  [
    gitlab({ project_id: '22', ref_protected: 'true', pipeline_source: 'external_pull_request_event' }),
    wish(),
    undefined,
    'a pull request at GitHub whose pipeline runs at GitLab',
  ],
  [
    gitlab({
      project_id: '22',
      ref_protected: 'true',
      pipeline_source: 'parent_pipeline',
      ref_path: 'refs/merge-requests/1/head',
    }),
    wish(),
    undefined,
    'a child of the pipeline of a merge request',
  ],
  [
    job({ repository: 'acme/pull_request-bot' }),
    wish({ cluster: 'any' }),
    'the bot',
    'a repository with that word in its name',
  ],
  [
    job({ repository: 'acme/pull_request-bot', event_name: 'pull_request', ref: 'refs/pull/1/merge' }),
    wish({ cluster: 'any' }),
    undefined,
    'and its pull requests, which its name does not let in',
  ],
  [hook('hub-1'), wish({ image: image('acme/web', 'v1') }), 'hub', 'a hook'],
  [hook('quay-1'), wish({ image: image('acme/web', 'v1') }), undefined, 'another hook'],
  [hook('ops-1'), only('sync', 'a'), undefined, 'a hook with the name of a token'],
  [token('ops-ada'), only('sync', 'anything'), 'people', 'admin holds the other verbs'],
  [token('ops-ada'), wish(), 'people', 'and deploys'],
  [token('ops-ada'), only('admin'), 'people', 'the whole server'],
  [token('board'), only('read', 'my-prod'), 'watchers', 'reading a cluster'],
  [token('board'), only('read'), 'watchers', 'reading about the server'],
  [token('board'), wish(), undefined, 'reading is not deploying'],
  [token('board'), wish({ verb: 'read' }), 'watchers', 'reading about one source, where the rule bounds none'],
  [token('nobody'), only('read', 'my-prod'), undefined, 'no rule names it'],
  [
    token('ops-x', 'deploy cluster=my-prod source=github.com/acme/* image=ghcr.io/acme/*'),
    wish(),
    'scope 1 of token ops-x',
    'a scope is enough',
  ],
  [token('ops-x', 'read cluster=my-prod'), wish(), undefined, 'a token with scopes has these alone, whatever its name'],
  [token('t', 'read cluster=a', 'sync cluster=b'), only('sync', 'b'), 'scope 2 of token t', 'the second scope'],
  [token('t', 'read cluster=a', 'sync cluster=b'), only('sync', 'a'), undefined, 'two scopes do not add up'],
  [
    token('t', 'read cluster=a image=ghcr.io/acme/*'),
    only('read', 'a'),
    undefined,
    'some images are not a whole cluster',
  ],
  [
    token('t', 'read cluster=a image=ghcr.io/acme/* release=app/web'),
    { verb: 'read', cluster: 'a', release: 'app/web' },
    'scope 1 of token t',
    'a release that is named, whatever its image',
  ],
  [token('t', 'read cluster=my-*'), only('read'), undefined, 'some clusters are not the whole server'],
]
for (const [who, asked, want, why] of cases) {
  test(`may: ${why}`, () => {
    const got = may(who, asked, policy)
    assert.equal(got.kind === 'allowed' ? got.rule : undefined, want)
  })
}

test('without rules nobody may do anything', () => {
  assert.deepEqual(may(token('ops-ada'), only('read'), []), { kind: 'denied' })
})

test('the bound on releases goes with the answer, from every rule that allows', () => {
  const allowed = may(job(), wish(), policy)
  assert.deepEqual(allowed.kind === 'allowed' && allowed.releases, ['app/web', 'app/web-*'])
  const [first] = policy
  assert.ok(first)
  const both = may(job(), wish(), [...policy, { ...first, name: 'more', releases: ['shop/x'] }])
  assert.deepEqual(both.kind === 'allowed' && both.releases, ['app/web', 'app/web-*', 'shop/x'])
  const free = may(job(), wish(), [...policy, { ...first, name: 'free', releases: undefined }])
  assert.deepEqual(free, { kind: 'allowed', rule: 'web from main' })
})

const whys: [who: Principal, wish: Wish, rule: string, why: RegExp][] = [
  [
    job({ ref: 'refs/heads/x' }),
    wish(),
    'web from main',
    /ref is "refs\/heads\/x", not refs\/heads\/main or refs\/tags/,
  ],
  [job(), wish({ cluster: 'b' }), 'web from main', /for clusters my-prod, team-\*, not b/],
  [job(), wish({ image: image('a/b', 'v1') }), 'web from main', /for image ghcr.io\/acme\/web:v\*, not a\/b:v1/],
  [token('board'), wish(), 'watchers', /allows read, not deploy/],
]
for (const [who, asked, rule, why] of whys) {
  test(`the nearest rule says why: ${why.source}`, () => {
    const got = may(who, asked, policy)
    assert.ok(got.kind === 'denied' && got.near)
    assert.equal(got.near.rule, rule)
    assert.match(got.near.why, why)
  })
}
