import assert from 'node:assert/strict'
import { test } from 'node:test'
import { showProblem } from '../error.ts'
import { parseCluster } from '../release/ids.ts'
import { type ParsedHeader, parseDuration, parseHeader } from './header.ts'

const cluster = parseCluster('prod')
assert.ok(cluster)
const read = (text: string, allowRanges = false): ParsedHeader =>
  parseHeader({
    path: 'installations/prod/redis-values.yaml',
    bytes: new TextEncoder().encode(text),
    cluster,
    name: 'redis',
    allowRanges,
  })

test('the contract’s header, in the middle of a file with comments inside it', () => {
  const got = read(`replicas: 2
# about
__mygitops:
  # the chart
  chart: stable/redis
  version: 0.1.0
  name: redis-cache
  namespace: app
  images:
    github.com/myself/my-cool-service: &my-cool-service # ours
      repository: "myself/my-cool-service"
      tag: "latest"
    github.com/other/thing: &thing
      image: "quay.io/other/thing:v1"
    github.com/third/one: { image: "r", tag: "v1" }
  timeout: 90s
  needs: [postgres]
  engine: render
image: *thing
deep: { <<: *my-cool-service }
`)
  assert.ok(got.kind === 'release', JSON.stringify(got))
  const { release } = got
  assert.deepEqual(release.chart, { kind: 'repository', repository: 'stable', chart: 'redis' })
  assert.deepEqual(
    [release.name, release.namespace, release.version, release.timeoutMs, release.engine],
    ['redis-cache', 'app', '0.1.0', 90_000, 'render'],
  )
  assert.deepEqual(
    release.images.map((slot) => [slot.source, slot.form]),
    [
      ['github.com/myself/my-cool-service', 'repository-tag'],
      ['github.com/other/thing', 'one-string'],
      ['github.com/third/one', 'quirky'],
    ],
  )
  assert.deepEqual(release.needs, ['postgres'])
})

test('the release is named after its file where the header names none', () => {
  const got = read('__mygitops: { chart: ./charts/x }\n')
  assert.ok(got.kind === 'release' && got.release.name === 'redis' && got.release.namespace === 'default')
  assert.deepEqual(got.release.chart, { kind: 'path', path: 'charts/x' })
})

test('plain data is left alone', () => assert.equal(read('a: 1\n').kind, 'none'))

test('every problem at once, with place, caret and the nearest right word', () => {
  const got = read('__mygitops:\n  chrat: stable/redis\n  version: "^1.0"\n  nmespace: app\n  timeout: soon\n')
  assert.ok(got.kind === 'refused')
  assert.equal(
    got.problems.map(showProblem).join('\n'),
    `REPO_INVALID: unknown key "chrat" in the header
  at installations/prod/redis-values.yaml:2:3
  2 |   chrat: stable/redis
    |   ^
  Did you mean "chart"?
REPO_INVALID: unknown key "nmespace" in the header
  at installations/prod/redis-values.yaml:4:3
  4 |   nmespace: app
    |   ^
  Did you mean "namespace"?
REPO_INVALID: "chart" is missing
  at installations/prod/redis-values.yaml:2:3
  2 |   chrat: stable/redis
    |   ^
  Write chart: ….
REPO_INVALID: "^1.0" is not one exact version
  at installations/prod/redis-values.yaml:3:12
  3 |   version: "^1.0"
    |            ^
  Name one version, such as 1.4.2; ranges need --allow-ranges.
REPO_INVALID: "soon" is no duration
  at installations/prod/redis-values.yaml:5:12
  5 |   timeout: soon
    |            ^
  Write 90s, 5m or 1h30m.`,
  )
})

const bad: [text: string, says: RegExp, why: string][] = [
  ['__mygitops: { chart: ../x/y, version: 1.0.0 }', /no chart/, 'a path out of the repo'],
  ['__mygitops: { chart: ./../x }', /leaves the repo/, 'a path out of the repo, dotted'],
  ['__mygitops: { chart: ./.git/x }', /leaves the repo/, 'git’s own folder'],
  ['__mygitops: { chart: a/b }', /"version" is missing/, 'no version'],
  ['__mygitops: [1]', /must be a map/, 'a list'],
  ['__mygitops: { chart: ./x, name: Up_Per }', /no name for a helm release/, 'a release name'],
  ['__mygitops: { chart: ./x, images: { a/b: c:v1 } }', /is no map/, 'an image that is no map'],
  ['a: [', /not valid YAML/, 'broken YAML'],
]
for (const [text, says, why] of bad) {
  test(`parseHeader refuses ${why}`, () => {
    const got = read(`${text}\n`)
    assert.ok(got.kind === 'refused', JSON.stringify(got))
    assert.match(got.problems.map((one) => one.message).join('\n'), says)
  })
}

test('ranges are read where they are allowed', () =>
  assert.equal(read('__mygitops: { chart: a/b, version: "^1" }\n', true).kind, 'release'))

test('a billion laughs is bounded', () => {
  const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]']
  for (let i = 1; i < 12; i++) lines.push(`a${i}: &a${i} [${`*a${i - 1},`.repeat(10)}]`)
  const got = read(`${lines.join('\n')}\n`)
  assert.ok(got.kind === 'refused' && /over a million/.test(got.problems[0]?.message ?? ''), JSON.stringify(got))
})

test('parseDuration', () => {
  assert.deepEqual(['5m', '90s', '1h30m', '', '5', '5 m'].map(parseDuration), [
    300_000,
    90_000,
    5_400_000,
    undefined,
    undefined,
    undefined,
  ])
})
