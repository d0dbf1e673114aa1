import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { vendors } from '../request/hook-vendors.ts'
import { followSchema, hooksSchema, registriesSchema } from './hook-settings.ts'
import { hookTroubles, resolveHooks, secretVariables } from './hooks.ts'

const image = { repository: 'ghcr.io/acme/shop', source: 'github.com/acme/shop', clusters: ['prod'], tags: 'any' }
const hook = { vendor: 'github', idEnv: 'ID', secretEnv: 'SECRET', images: [image] }
const env: Readonly<Record<string, string>> = {
  ID: 'an-id-that-nobody-guesses',
  OTHER_ID: 'another-id-that-nobody-guesses',
  SECRET: 'a secret of sixteen',
  NEXT: 'the secret that follows',
  SHORT: 'short',
  SLASH: 'an/id/with/slashes/in/it',
}

test('a hook, with its secrets and what was left out', () => {
  const settings = hooksSchema.parse({ shop: { ...hook, secretEnv: ['SECRET', 'NEXT'] } })
  const got = resolveHooks(settings, (name) => env[name])
  assert.ok(got.kind === 'ok')
  assert.deepEqual(got.hooks, [
    {
      name: 'shop',
      vendor: 'github',
      ids: [createHash('sha256').update('an-id-that-nobody-guesses').digest('hex')],
      secrets: ['a secret of sixteen', 'the secret that follows'],
      oidc: undefined,
      registry: undefined,
      images: [{ ...image, image: image.repository, tags: { kind: 'any' }, resolve: false }],
    },
  ])
})

test('the policy for tags of a hook is that of its images', () => {
  const { tags: _, ...bare } = image
  const settings = hooksSchema.parse({ shop: { ...hook, tags: { semver: '^1.0.0' }, images: [bare, image] } })
  const got = resolveHooks(settings, (name) => env[name])
  assert.deepEqual(got.kind === 'ok' && got.hooks[0]?.images.map((one) => one.tags), [
    { kind: 'semver', range: '^1.0.0', prereleases: false },
    { kind: 'any' },
  ])
})

const gar = { vendor: 'gar', idEnv: 'ID', images: [image] }
const audience = 'https://mgo.example.com'
const problems: [hooks: unknown, want: RegExp, why: string][] = [
  [{ shop: { ...hook, idEnv: 'NONE' } }, /the hook shop has no NONE/, 'a variable that is not set'],
  [{ shop: { ...hook, idEnv: 'SHORT' } }, /id of the hook shop can be guessed/, 'an address that can be guessed'],
  [{ shop: { ...hook, idEnv: 'SLASH' } }, /cannot be part of an address/, 'an id with slashes'],
  [{ shop: { ...hook, secretEnv: 'SHORT' } }, /shorter than 16/, 'a short secret'],
  [
    { shop: { ...hook, secretEnv: undefined } },
    /shop has no secretEnv/,
    'a vendor that signs, and nothing to check it',
  ],
  [{ shop: { ...hook, vendor: 'quay' } }, /Quay sends none/, 'a secret that nobody sends'],
  [{ shop: { ...hook, oidc: { audience } } }, /takes tokens, and GitHub/, 'tokens that nobody sends'],
  [{ shop: gar }, /has no oidc/, 'Google without a token'],
  [{ shop: { ...gar, oidc: { audience } } }, /anybody at Google/, 'anybody can get a token of Google for an audience'],
  [{ shop: { ...hook, vendor: 'generic', oidc: { audience } } }, /whose tokens/, 'a token of whom?'],
  [{ shop: { ...hook, images: [{ ...image, tags: undefined }] } }, /which tags of/, 'any tag, by accident'],
  [{ shop: hook, also: { ...hook, secretEnv: 'NEXT' } }, /the same id/, 'two hooks at one address'],
]
for (const [hooks, want, why] of problems) {
  test(`hooks: ${why}`, () => {
    const settings = hooksSchema.parse(hooks)
    const got = resolveHooks(settings, (name) => env[name])
    const problems = [...hookTroubles(settings), ...(got.kind === 'refused' ? got.problems : [])]
    assert.match(problems.map((one) => one.message).join('\n'), want)
    assert.ok(problems.every(({ hint }) => hint !== ''))
  })
}

test('every problem at once', () => {
  const both = hooksSchema.parse({
    shop: { ...hook, idEnv: 'NONE', secretEnv: 'SHORT' },
    also: { ...gar, idEnv: 'NO' },
  })
  const got = resolveHooks(both, (name) => env[name])
  assert.equal(got.kind === 'refused' && got.problems.length, 3)
  assert.equal(hookTroubles(both).length, 1)
})

const shapes: [hooks: unknown, why: string][] = [
  [{ Shop: hook }, 'a name that is no principal'],
  [{ shop: { ...hook, vendor: 'dockerhud' } }, 'a vendor that is none'],
  [{ shop: { ...hook, secret: 'in the file' } }, 'a secret in the file'],
  [{ shop: { ...hook, secretEnv: ['A', 'B', 'C'] } }, 'three secrets'],
  [{ shop: { ...hook, images: [{ ...image, tags: { match: '(a+)+' } }] } }, 'an expression that takes for ever'],
  [{ shop: { ...hook, images: [{ ...image, tags: { semver: 'one' } }] } }, 'no range'],
  [{ shop: { ...hook, images: [{ ...image, tags: { newest: '\\d+' } }] } }, 'no group'],
  [{ shop: { ...hook, images: [{ ...image, clusters: ['../prod'] }] } }, 'no cluster'],
  [{ shop: { ...hook, images: [{ ...image, clusters: [] }] } }, 'no clusters'],
  [{ shop: { ...hook, images: [{ ...image, repository: 'UPPER' }] } }, 'no repository'],
]
for (const [hooks, why] of shapes) {
  test(`hooksSchema refuses: ${why}`, () => assert.equal(hooksSchema.safeParse(hooks).success, false))
}

test('what is left out has a sane default', () => {
  assert.deepEqual(hooksSchema.parse(undefined), {})
  assert.deepEqual(registriesSchema.parse(undefined), {})
  assert.equal(followSchema.parse(undefined), undefined)
  assert.deepEqual(followSchema.parse({ clusters: ['prod'] }), { clusters: ['prod'], every: 60_000 })
  assert.equal(followSchema.safeParse({ clusters: ['prod'], every: '1s' }).success, false)
})

test('every vendor can be named', () => {
  for (const { name } of vendors) assert.equal(hooksSchema.safeParse({ shop: { ...hook, vendor: name } }).success, true)
})

test('secretVariables: of hooks and of registries, whether they are set or not', () => {
  const hooks = hooksSchema.parse({ shop: { ...hook, secretEnv: ['SECRET', 'NEXT'] }, also: { ...gar } })
  const registries = registriesSchema.parse({ 'ghcr.io': { username: 'x', passwordEnv: 'PULL' }, 'docker.io': {} })
  assert.deepEqual(secretVariables({ hooks, registries }), ['ID', 'SECRET', 'NEXT', gar.idEnv, 'PULL'])
})
