import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseServerSettings } from './server-settings.ts'
import { clusterWarnings } from './server-warnings.ts'

const parse = (text: string) => {
  const got = parseServerSettings('/etc/mgo/mgo.server.yaml', new TextEncoder().encode(text))
  assert.ok(got.kind === 'ok', JSON.stringify(got))
  return got.settings
}
const tokens = 'identities: { tokens: true }\n'
const hook = (more = '') =>
  `hooks: { shop: { vendor: generic, idEnv: A, secretEnv: B, images: [{ repository: x/y, source: s, clusters: [prod], tags: any }]${more} } }\n`
const rule = (who: string) =>
  `policy: [{ name: a, who: ${who}, may: [deploy], clusters: prod, sources: s, images: "**" }]\n`
const abroad = 'listen: 0.0.0.0:8080\n'

const cases: [text: string, says: readonly RegExp[], why: string][] = [
  [`${tokens}${hook()}${rule('{ hook: shop }')}`, [], 'a hook with a rule'],
  [`${tokens}${hook()}${rule('{ hook: "sh*" }')}`, [], 'a hook that a pattern means'],
  [hook(), [], 'on loopback without identities the policy is not asked'],
  [`${tokens}${hook()}`, [/no rule .* "shop"/], 'a hook without a rule'],
  [`${abroad}${hook()}`, [/no rule .* "shop"/], 'hooks alone off loopback, without a rule'],
  [
    `${tokens}${hook()}${rule('{ hook: shoop }')}`,
    [/no rule .* "shop"/, /the hook "shoop", .* Did you mean "shop"/],
    'a rule for another hook',
  ],
  [
    `${tokens}hooks: { git: { vendor: github, idEnv: A, secretEnv: B } }\n`,
    [],
    'a hook that deploys nothing needs no rule',
  ],
  [`${tokens}${abroad}`, [/plain http to 0\.0\.0\.0:8080/], 'tokens that others can read'],
  [`${tokens}${abroad}url: http://mgo.example.com\n`, [/plain http/], 'tokens that others can read, by their name'],
  [`${tokens}${abroad}url: https://mgo.example.com\n`, [], 'a proxy that brings https'],
  [`${tokens}${abroad}proxy: { trusted: [10.0.0.0/8] }\n`, [], 'a proxy'],
  [`${tokens}${abroad}tls: { cert: a, key: b }\n`, [], 'a certificate'],
  [`${tokens}listen: "[::1]:8080"\n`, [], 'loopback'],
]
for (const [text, says, why] of cases) {
  test(`warnings: ${why}`, () => {
    const { warnings } = parse(text)
    assert.equal(warnings.length, says.length, warnings.join('\n'))
    for (const [i, one] of says.entries()) assert.match(warnings[i] ?? '', one)
  })
}

test('clusters that the repo has no folder for', () => {
  const follow = 'follow: { clusters: [prod, live] }\n'
  const settings = parse(`${tokens}${hook()}${follow}${rule('{ hook: shop }')}`)
  assert.deepEqual(clusterWarnings(settings, ['prod', 'live']), [])
  const said = clusterWarnings(settings, ['prd', 'live'])
  assert.equal(said.length, 3, said.join('\n'))
  assert.match(said.join('\n'), /rule "a" .* "prod", which .* Did you mean "prd"/)
  assert.match(said.join('\n'), /hook "shop" deploys to "prod"/)
  assert.match(said.join('\n'), /follow names "prod"/)
})
