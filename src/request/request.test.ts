import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAuthor } from './author.ts'
import { parseAsked, parseDockerHub, parseForm } from './request.ts'

const form = {
  triggerRepo: 'github.com/a/b',
  imageRepo: 'a/b',
  imageTag: 'v1',
  author: 'Ada <ada@example.com>',
  cluster: 'prod',
}

test('the kept form', () => {
  const got = parseForm(form)
  assert.ok(got.kind === 'ok')
  assert.deepEqual(got.asked, {
    cluster: 'prod',
    source: 'github.com/a/b',
    image: { repository: 'a/b', tag: 'v1', digest: undefined },
    author: { name: 'Ada', email: 'ada@example.com' },
  })
})

test('a missing field is told in the old words, the first one first', () => {
  const got = parseForm({ ...form, imageTag: '' })
  assert.equal(got.kind === 'refused' && got.problems[0]?.message, 'missing parameter `imageTag`')
})

test('Docker Hub’s payload', () => {
  const got = parseDockerHub(
    { triggerRepo: 'github.com/a/b', cluster: 'prod' },
    { push_data: { tag: 'v9', pusher: 'ada' }, repository: { repo_name: 'a/b' } },
  )
  assert.ok(got.kind === 'ok' && got.asked.image.tag === 'v9' && got.asked.author.name === 'ada')
  for (const payload of [null, [], 'x', { push_data: null }, { push_data: [], repository: 7 }])
    assert.equal(parseDockerHub({}, payload).kind, 'refused')
})

test('every problem at once', () => {
  const got = parseAsked({ cluster: '../x', source: '-a b', image: 'a', author: 'E\nMgo-Request: 1', more: 1 })
  assert.deepEqual(got.kind === 'refused' && got.problems.map((one) => one.code), [
    'REQUEST_INVALID',
    'REQUEST_INVALID',
    'REQUEST_INVALID',
    'IMAGE_INVALID',
    'AUTHOR_INVALID',
  ])
})

test('a body that is no object', () => {
  for (const body of [null, [], 'x', 7]) assert.equal(parseAsked(body).kind, 'refused')
})

const authors: [text: string, want: string | undefined, why: string][] = [
  ['Ada Lovelace <ada@example.com>', 'Ada Lovelace|ada@example.com', 'the plain case'],
  ['Ada', 'Ada|', 'a bare name, as the old tool took it'],
  ['<ada@example.com>', 'ada@example.com|ada@example.com', 'an address alone'],
  ['Ada <a@x>\nEve <e@x>', undefined, 'a second author'],
  ['Ada\n', undefined, 'a line break that would be trimmed'],
  ['Ada\r <a@x>', undefined, 'a carriage return before the address'],
  ['Ada <a@x> <b@x>', undefined, 'two addresses'],
  ['A\u202eda <a@x>', undefined, 'text turned around'],
  ['', undefined, 'nothing'],
  ['x'.repeat(300), undefined, 'too long'],
]
for (const [text, want, why] of authors) {
  test(`parseAuthor: ${why}`, () => {
    const got = parseAuthor(text)
    assert.equal(got.kind === 'ok' ? `${got.author.name}|${got.author.email}` : undefined, want)
  })
}
