import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MgoError } from '../../src/error.ts'
import { parseCluster } from '../../src/release/ids.ts'
import { printImage } from '../../src/release/image.ts'
import { formFields, parseAsked, parseDockerHub, parseForm, type ParsedAsked } from '../../src/request/request.ts'
import { parseFormBody } from '../../src/server/form.ts'
import { corpus, numRuns, text, watched } from './fuzz.ts'

const good = { cluster: 'prod', source: 'github.com/acme/shop', image: 'acme/shop:v1', author: 'Ada <ada@example.com>' }
const goodForm = {
  triggerRepo: 'github.com/acme/shop',
  imageRepo: 'acme/shop',
  imageTag: 'v1',
  author: 'ada',
  cluster: 'prod',
}
const odd = fc.oneof(text, fc.jsonValue({ maxDepth: 3 }))

/** A good one, of which some fields are anything. */
function spoilt<T extends object>(whole: T): fc.Arbitrary<Record<string, unknown>> {
  const field = fc.oneof(fc.constantFrom(...Object.keys(whole)), text)
  return fc.array(fc.tuple(field, odd), { maxLength: 3 }).map((some) => ({ ...whole, ...Object.fromEntries(some) }))
}

/** What comes through can be written to git, a path and a values file; what does not is told with its next step. */
function lawful(got: ParsedAsked): void {
  if (got.kind === 'refused') {
    assert.ok(got.problems.length > 0)
    for (const { code, message, hint } of got.problems) assert.ok(code !== undefined && message !== '' && hint !== '')
    return
  }
  const { cluster, source, image, author } = got.asked
  assert.equal(parseCluster(cluster), cluster)
  for (const one of [source, printImage(image)]) assert.match(one, /^[^-\s"'\\\u0000-\u001f][^\s"'\\\u0000-\u001f]*$/)
  assert.doesNotMatch(author.name + author.email, /[\u0000-\u001f\u007f\u2028\u2029<>]/)
}

test('fuzz: a JSON request is taken or refused, whatever it is', () => {
  for (const one of corpus)
    for (const key of Object.keys(good)) lawful(watched(() => parseAsked({ ...good, [key]: one })))
  const body = fc.oneof(spoilt(good), odd)
  fc.assert(
    fc.property(body, (one) => lawful(watched(() => parseAsked(one)))),
    { numRuns },
  )
})

test('fuzz: a form is taken or refused, whatever it is', () => {
  for (const one of corpus) for (const key of formFields) lawful(watched(() => parseForm({ ...goodForm, [key]: one })))
  fc.assert(
    fc.property(spoilt(goodForm), (one) => lawful(watched(() => parseForm(one)))),
    { numRuns },
  )
})

test('fuzz: the kept route for Docker Hub takes or refuses any payload', () => {
  const payload = { push_data: { tag: 'v1', pusher: 'ada' }, repository: { repo_name: 'acme/shop' } }
  const pushed = fc.record({ push_data: spoilt(payload.push_data), repository: spoilt(payload.repository) })
  fc.assert(
    fc.property(
      spoilt({ triggerRepo: 'github.com/acme/shop', cluster: 'prod' }),
      fc.oneof(pushed, odd),
      (query, body) => lawful(watched(() => parseDockerHub(query, body))),
    ),
    { numRuns },
  )
})

test('fuzz: the bytes of a form are fields or one clear error', async () => {
  const types = fc.constantFrom(
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'multipart/form-data',
  )
  const part = fc.constantFrom(
    '--x\r\n',
    '--x--',
    'Content-Disposition: form-data; name="a"',
    '\r\n\r\n',
    'a=1&',
    '%',
    '=',
    '&a=',
  )
  const bytes = fc.oneof(
    fc.array(fc.oneof(part, text), { maxLength: 8 }).map((some) => Buffer.from(some.join(''))),
    fc.uint8Array({ maxLength: 300 }).map((some) => Buffer.from(some)),
  )
  await fc.assert(
    fc.asyncProperty(types, bytes, async (type, body) => {
      try {
        const form = await parseFormBody(type, body)
        assert.equal(Object.getPrototypeOf(form), null)
        for (const value of Object.values(form)) assert.equal(typeof value, 'string')
      } catch (error) {
        assert.ok(error instanceof MgoError && error.code === 'REQUEST_INVALID', String(error))
      }
    }),
    { numRuns: Math.ceil(numRuns / 5) },
  )
})
