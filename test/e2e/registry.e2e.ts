/**
 * Which digest a tag has, asked at a registry on loopback; and who never hears a password.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { MgoError } from '../../src/error.ts'
import { guardedLookup, mayCall } from '../../src/registry/address.ts'
import { parseChallenge } from '../../src/registry/challenge.ts'
import { openRegistries, type RegistryLogin } from '../../src/registry/registry.ts'
import { type FakeRegistry, password, startRegistry } from '../registry-server.ts'

const [registry, other] = await Promise.all([startRegistry(), startRegistry()])
after(() => Promise.all([registry.close(), other.close()]))
const digest = registry.push('acme/shop', 'v1.2.0')

const robot: RegistryLogin = { username: 'robot', password: () => password, plain: true }

beforeEach(() => {
  for (const one of [registry, other]) {
    one.login('none')
    one.fault('broken', 0)
    ;(one.seen as unknown[]).length = 0
  }
})

async function ask(login: RegistryLogin = { plain: true }, tag = 'v1.2.0'): Promise<string | undefined> {
  const registries = openRegistries({ logins: new Map([[registry.host, login]]), agent: 'mgo/test', timeoutMs: 1_000 })
  try {
    return await registries.digest(`${registry.host}/acme/shop`, tag)
  } finally {
    await registries.close()
  }
}

function refused(code: string, says: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof MgoError && error.code === code, String(error))
    assert.match(error.message, says)
    assert.ok(!error.message.includes(password) && !error.hint.includes(password))
    return true
  }
}

function heard({ seen }: FakeRegistry): string {
  return JSON.stringify(seen)
}

const encoded = Buffer.from(`robot:${password}`).toString('base64')

test('a tag has a digest, and one HEAD finds it', async () => {
  assert.equal(await ask(), digest)
  assert.deepEqual(
    registry.seen.map(({ line }) => line),
    ['HEAD /v2/acme/shop/manifests/v1.2.0'],
  )
})

test('a tag that is not there, or not yet', async () => {
  assert.equal(await ask(undefined, 'v9'), undefined)
  registry.fault('late')
  assert.equal(await ask(), digest)
})

test('a registry that does not say the digest: it is counted', async () => {
  registry.fault('no-digest', 2)
  assert.equal(await ask(), digest)
  registry.fault('other-digest', 2)
  await assert.rejects(ask(), refused('REGISTRY_UNREACHABLE', /not what its digest says/))
})

test('a login: the password itself, or a token for it', async () => {
  for (const kind of ['basic', 'token'] as const) {
    registry.login(kind)
    assert.equal(await ask(robot), digest)
  }
  assert.match(heard(registry), /GET \/token\?service=registry\.test&scope=repository%3Aacme%2Fshop%3Apull/)
})

test('a login that is wrong, or missing', async () => {
  for (const [kind, login] of [
    ['basic', { plain: true }],
    ['basic', { ...robot, password: () => 'wrong' }],
    ['token', { ...robot, password: () => 'wrong' }],
    ['token', { plain: true }],
  ] as const) {
    registry.login(kind)
    await assert.rejects(ask(login), refused('REGISTRY_DENIED', /./))
  }
})

test('a password that was rotated is read anew', async () => {
  registry.login('basic')
  let now = 'old'
  const registries = openRegistries({
    logins: new Map([[registry.host, { ...robot, password: () => now }]]),
    agent: 'mgo/test',
  })
  after(() => registries.close())
  await assert.rejects(registries.digest(`${registry.host}/acme/shop`, 'v1.2.0'))
  now = password
  assert.equal(await registries.digest(`${registry.host}/acme/shop`, 'v1.2.0'), digest)
})

test('S22: another host that wants to give tokens hears no password, unless the settings name it', async () => {
  registry.login('token', `http://${other.host}/token`)
  await assert.rejects(ask(robot), refused('REGISTRY_DENIED', /without TLS/))
  assert.deepEqual(other.seen, [])
  assert.equal(await ask({ ...robot, auth: other.host }), digest)
  assert.match(heard(other), new RegExp(encoded))
})

test('S22: an inner address that a registry names is not called', async () => {
  for (const realm of [
    `https://${other.host}/token`,
    'https://169.254.169.254/latest/meta-data',
    'https://[::ffff:127.0.0.1]/token',
    'https://2130706433/token',
    'https://localhost/token',
    'https://10.0.0.1/token',
  ]) {
    registry.login('token', realm)
    await assert.rejects(ask(robot), refused('REGISTRY_UNREACHABLE', /not called/), realm)
  }
  assert.deepEqual(other.seen, [])
})

test('S22: a redirect is not followed', async () => {
  registry.login('basic')
  registry.fault('redirect')
  await assert.rejects(ask(robot), refused('REGISTRY_UNREACHABLE', /redirect/))
})

test('a registry in trouble is asked again, and not for ever', async () => {
  registry.fault('broken', 2)
  assert.equal(await ask(), digest)
  registry.fault('busy', 1)
  const begun = performance.now()
  assert.equal(await ask(), digest)
  assert.ok(performance.now() - begun >= 950, 'it said to wait for a second')
  registry.fault('broken', 3)
  await assert.rejects(ask(), refused('REGISTRY_UNREACHABLE', /answers 500/))
})

test('an endless answer is cut off', async () => {
  registry.fault('huge', 2)
  await assert.rejects(ask(), refused('REGISTRY_UNREACHABLE', /4 MiB/))
})

test('no answer ends in time', async () => {
  registry.fault('hang')
  const begun = performance.now()
  await assert.rejects(ask(), refused('REGISTRY_UNREACHABLE', /./))
  assert.ok(performance.now() - begun < 9_000)
})

const addresses: [address: string, host: string, named: boolean, told: boolean, why: string][] = [
  ['93.184.216.34', 'registry.example.com', true, true, 'public'],
  ['2606:2800:220:1::1', 'registry.example.com', true, true, 'public, IPv6'],
  ['10.1.2.3', 'registry.internal', true, false, 'private'],
  ['100.64.0.1', 'registry.internal', true, false, 'behind a carrier'],
  ['fd00::1', 'registry.internal', true, false, 'private, IPv6'],
  ['127.0.0.1', 'localhost', true, false, 'loopback by its own name'],
  ['127.0.0.1', '127.0.0.1', true, false, 'loopback by its address'],
  ['127.0.0.1', 'registry.example.com', false, false, 'a name that was turned to loopback'],
  ['::1', 'registry.example.com', false, false, 'the same, IPv6'],
  ['::ffff:127.0.0.1', 'registry.example.com', false, false, 'the same, mapped'],
  ['::ffff:a00:1', 'registry.example.com', true, false, 'private, mapped'],
  ['169.254.169.254', '169.254.169.254', false, false, 'the metadata of a cloud'],
  ['::ffff:169.254.169.254', 'registry.example.com', false, false, 'the same, mapped'],
  ['fe80::1', 'registry.internal', false, false, 'link-local'],
  ['0.0.0.0', 'registry.example.com', false, false, 'loopback in disguise'],
  ['::', 'registry.example.com', false, false, 'the same, IPv6'],
  ['64:ff9b::7f00:1', 'registry.example.com', true, false, 'IPv4 within IPv6'],
  ['not an address', 'registry.example.com', false, false, 'no address'],
]
for (const [address, host, named, told, why] of addresses) {
  test(`S22: mayCall: ${why} (${address})`, () => {
    assert.equal(mayCall(address, host, 'named'), named)
    assert.equal(mayCall(address, host, 'told'), told)
  })
}

test('S22: a name is looked at after it was resolved', async () => {
  const found = (chosen: 'named' | 'told') =>
    new Promise<Error | null>((resolve) => guardedLookup(chosen)('localhost', { all: true }, resolve))
  assert.equal(await found('named'), null)
  assert.match((await found('told'))?.message ?? '', /not called/)
})

const challenges: [header: string | undefined, want: unknown, why: string][] = [
  ['Bearer realm="https://a.example.com/t",service="r",scope="x"', ['bearer', 'https://a.example.com/t', 'r'], 'plain'],
  [
    'bearer service="r", realm="https://a.example.com/t?x=1"',
    ['bearer', 'https://a.example.com/t?x=1', 'r'],
    'any order',
  ],
  ['Basic realm="registry"', ['basic', undefined, undefined], 'basic'],
  ['Bearer realm="no url"', undefined, 'no address'],
  ['Digest realm="x"', undefined, 'something else'],
  [`Bearer realm="${'a'.repeat(5_000)}`, undefined, 'too long'],
  [undefined, undefined, 'nothing'],
]
for (const [header, want, why] of challenges) {
  test(`parseChallenge: ${why}`, () => {
    const got = parseChallenge(header)
    const shown = got && [got.kind, ...(got.kind === 'bearer' ? [got.realm.href, got.service] : [undefined, undefined])]
    assert.deepEqual(shown, want)
  })
}
