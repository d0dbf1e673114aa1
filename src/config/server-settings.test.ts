import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseServerSettings } from './server-settings.ts'

const parse = (text: string) => parseServerSettings('/etc/mgo/mgo.server.yaml', new TextEncoder().encode(text))

const whole = `listen: 0.0.0.0:8443
url: https://mgo.example.com
tls: { cert: tls.crt, key: /run/tls.key }
gitops: { repo: git@git.example.com:acme/gitops.git, sshKey: id, knownHosts: known }
identities:
  tokens: true
  issuers:
    github: { issuer: https://token.actions.githubusercontent.com }
policy:
  - name: web from main
    who: { issuer: github, claims: { repository_id: 4711, ref: [refs/heads/main, refs/heads/next] } }
    may: [deploy]
    clusters: my-prod
    sources: github.com/acme/web
    images: ghcr.io/acme/web
`

test('a whole file', () => {
  const got = parse(whole)
  assert.ok(got.kind === 'ok', JSON.stringify(got))
  const { settings } = got
  assert.deepEqual(settings.tls, { cert: '/etc/mgo/tls.crt', key: '/run/tls.key' })
  assert.equal(settings.gitops?.sshKey, '/etc/mgo/id')
  assert.deepEqual(settings.access.issuers[0]?.audiences, ['https://mgo.example.com'])
  assert.deepEqual(settings.access.policy[0]?.who, {
    issuer: 'github',
    claims: { repository_id: ['4711'], ref: ['refs/heads/main', 'refs/heads/next'] },
  })
  assert.equal(settings.limits.underWay, 5_000)
  assert.deepEqual(settings.warnings, [])
})

const told = (text: string) => {
  const got = parse(text)
  return got.kind === 'ok'
    ? []
    : got.problems.map(({ message, hint, at }) => `${at?.line}:${at?.column} ${message} | ${hint}`)
}

test('every problem at once, each with its place and the nearest word', () => {
  assert.deepEqual(
    told(`listn: 127.0.0.1:1
tls: { cert: a }
limits: { underWay: many }
proxy: { trusted: [10.0.0.0/99] }
identities: { tokens: [] }
policy:
  - { name: a, who: { token: x }, may: [deploi], clusters: a }
  - { name: b, who: { token: x, hook: y }, may: [read], clusters: a }
  - { name: c, who: { token: x }, may: [read], cluster: a }
  - { name: d, who: { token: x, hook: h }, may: [deploy], clusters: a }
`).map((one) => one.replace(' | Mend it at the caret; docs/server.md has every key.', '')),
    [
      '1:1 unknown key "listn" in /etc/mgo/mgo.server.yaml | Did you mean "listen"?',
      '2:6 tls.key is missing | Write key: ….',
      '3:21 limits.underWay: it must be of the kind number, received string',
      '4:20 proxy.trusted[0]: it is no address or CIDR',
      '5:23 identities.tokens: it must be true or a path',
      '7:41 policy[0].may[0]: "deploi" is none of the words for it | Did you mean "deploy"?',
      '8:39 policy[1].who.hook: it must be of the kind string, received boolean | YAML reads it as true: put it into quotes.',
      '9:5 policy[2].clusters is missing | Write clusters: ….',
      '9:48 unknown key "cluster" in policy[2] | Did you mean "clusters"?',
      '10:21 policy[3].who: it must name one of token, hook and issuer',
    ],
  )
})

const alone: [text: string, says: RegExp, why: string][] = [
  ['[]', /must be one map/, 'a list'],
  ['', /must be one map/, 'nothing'],
  ['a: 1\n---\nb: 2\n', /must be one map/, 'two documents'],
  ['listen: a\nlisten: b\n', /2:1 .*key "listen" twice/, 'a key that is there twice'],
  ['listen: [\n', /not valid YAML/, 'broken YAML'],
  ['<<: 1\n', /aliases and merges mean nothing/, 'a merge of what is no map'],
  ['url: ftp://x\n', /url: it is no http/, 'an address that nobody calls'],
  ['gitops: { sshKey: id }\n', /sshKey and knownHosts go together/, 'an ssh server that nobody knows'],
  [
    'policy: [{ name: a, who: { token: x }, may: [deploy], clusters: a }]\n',
    /needs a source/,
    'a rule that leaves open',
  ],
  ['policy: [{ name: a, who: { token: x }, may: [read], clusters: a }]\n', /nobody can prove/, 'a policy alone'],
  ['identities: {}\n', /nobody may do anything/, 'identities without anybody'],
  ['identities: { issuers: { g: { issuer: https://g.x, audience: m } } }\n', /nobody may do anything/, 'no policy'],
  [
    'identities: { tokens: true, issuers: { g: { issuer: https://g.x } } }\n',
    /no audience/,
    'an audience that is open',
  ],
  ['identities: { issuers: { g: { issuer: http://g.x, audience: m } } }\n', /https:\/\/ address/, 'keys over http'],
  [
    'identities: { issuers: { g: { issuer: https://g.x, audience: m, algorithms: [HS256] } } }\n',
    /"HS256" is none of the words/,
    'a shared key',
  ],
]
for (const [text, says, why] of alone) {
  test(`settings are refused for ${why}`, () => assert.match(told(text).join('\n'), says))
}

const issuers = 'identities: { tokens: true, issuers: { github: { issuer: https://g.x, audience: m } } }\n'
const rule = (who: string) => `${issuers}policy: [{ name: a, who: ${who}, may: [read], clusters: a }]\n`

const lines: [line: string, shown: string, why: string][] = [
  ['slack: { webhookurl: "https://h/x", a: 1 }', 'slack: { webhookurl: *************, a: 1 }', 'Slack’s address'],
  ["slack: { webhookUrl: 'https://h/x' }", 'slack: { webhookUrl: ************* }', 'under a key that is wrong'],
  ['gitops: { password: hunter2 }', 'gitops: { password: ******* }', 'a password that does not belong there'],
  ['gitops: { repo: "https://ada:pw@git.x/r", a: 1 }', 'gitops: { repo: "https://******@git.x/r", a: 1 }', 'a login'],
  [
    'hooks: { a: { secretEnv: MGO_X, a: 1 } }',
    'hooks: { a: { secretEnv: MGO_X, a: 1 } }',
    'a name of a variable is none',
  ],
  [
    'slack: { webhookurl: abc, webhookurl: "" }',
    'slack: { webhookurl: ***, webhookurl: ** }',
    'a key that is there twice',
  ],
]
for (const [line, shown, why] of lines) {
  test(`the line of a problem shows no secret: ${why}`, () => {
    const got = parse(`${line}\n`)
    assert.equal(got.kind === 'refused' ? got.problems[0]?.at?.source : 'taken', shown)
  })
}

test('what no single key shows', () => {
  assert.match(told(rule('{ issuer: githb, claims: { sub: a } }')).join(), /does not have \| Did you mean "github"/)
  assert.match(told(rule('{ issuer: github, claims: { ref: refs/heads/main } }')).join(), /for everybody at the issuer/)
  assert.match(told(rule('{ issuer: github }')).join(), /for everybody at the issuer/)
  assert.match(told(rule('{ token: a, claims: { sub: a } }')).join(), /claims go with an issuer/)
  const twice = `${issuers}policy: [${'{ name: a, who: { token: t }, may: [read], clusters: a },'.repeat(2)}]\n`
  assert.match(told(twice).join(), /two rules are called "a"/)
})

const owners: [claims: string, isTaken: boolean, why: string][] = [
  ['{ repository_id: 4711 }', true, 'a number that nobody else gets'],
  ['{ repository: acme/* }', true, 'all repositories of an owner'],
  ['{ repository: "acme*/web" }', false, 'owners whose names begin alike'],
  ['{ repository: "acme*" }', false, 'likewise, without a slash'],
  ['{ repository_owner: "acme*" }', false, 'likewise'],
  ['{ repository_id: "47*" }', false, 'numbers that begin alike'],
  ['{ sub: "repo:acme/*:ref:refs/heads/main" }', true, 'a subject with its owner'],
  ['{ sub: "repo:acme*/web:**" }', false, 'a subject of owners that begin alike'],
  ['{ sub: "repo:acme@12/web@34:ref:refs/heads/main" }', true, 'a subject that cannot be taken over'],
  ['{ sub: "project_path:acme/web:**" }', true, 'GitLab’s subject'],
  ['{ sub: "project_path:*/web:**" }', false, 'GitLab’s subject of any group'],
  ['{ sub: "system:serviceaccount:ci:*" }', true, 'the subject of another issuer'],
  ['{ job_workflow_ref: "acme/ci/.github/workflows/deploy.yml@**" }', false, 'a workflow that everybody may call'],
  ['{ repository: [acme/web, "**"] }', false, 'a list that one of them opens'],
]
for (const [claims, isTaken, why] of owners) {
  test(`whose jobs a rule is for: ${why}`, () => {
    const says = told(rule(`{ issuer: github, claims: ${claims} }`)).join()
    if (isTaken) assert.equal(says, '')
    else assert.match(says, /for everybody at the issuer/)
  })
}

test('a rule that knows a repository by its name only is told, and taken', () => {
  const got = parse(rule('{ issuer: github, claims: { repository: acme/web } }'))
  assert.match(got.kind === 'ok' ? got.settings.warnings.join() : '', /by its name only/)
  const immutable = parse(rule('{ issuer: github, claims: { sub: "repo:acme@12/web@34:ref:refs/heads/main" } }'))
  assert.deepEqual(immutable.kind === 'ok' && immutable.settings.warnings, [])
})

test('whatever stands in the file is settings or problems with a place, never a crash', () => {
  const word = fc.constantFrom(
    'listen',
    'policy',
    'identities',
    'who',
    'issuers',
    'claims',
    '<<',
    '__proto__',
    'x',
    '&a',
    '*a',
  )
  const value = fc.oneof(fc.constantFrom('{}', '[]', 'on', '1e3', '~', '"', '- a', '{a: b}'), fc.string())
  const line = fc.tuple(fc.nat(3), word, value).map(([depth, key, text]) => `${'  '.repeat(depth)}${key}: ${text}`)
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      const got = parse(lines.join('\n'))
      if (got.kind === 'refused')
        assert.ok(got.problems.every(({ code, hint }) => code === 'CONFIG_INVALID' && hint !== ''))
    }),
    { numRuns: Number(process.env['MGO_FUZZ_RUNS'] ?? 100) },
  )
})
