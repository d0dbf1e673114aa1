import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { MgoError } from '../../src/error.ts'
import { checkPath } from '../../src/git/commits.ts'
import { placeOfPath } from '../../src/manifest/layout.ts'
import { isTag, parseImage, printImage } from '../../src/release/image.ts'
import { parseAuthor, showAuthor } from '../../src/request/author.ts'
import { corpus, numRuns, text, watched } from './fuzz.ts'

/** Tries the corpus first, and then chance. */
function every(law: (one: string) => void): void {
  for (const one of corpus) law(one)
  fc.assert(fc.property(text, law), { numRuns })
}

test('fuzz: an image is read as it is written, or refused', () =>
  every((one) => {
    const got = watched(() => parseImage(one))
    if (got.kind === 'refused') return assert.equal(got.problem.code, 'IMAGE_INVALID')
    assert.equal(printImage(got.image), one)
    assert.match(one, /^[A-Za-z0-9[][\w.:/@[\]-]*$/)
    assert.ok(got.image.tag !== undefined || got.image.digest !== undefined)
  }))

test('fuzz: a tag is a word of the OCI grammar, and nothing that YAML, a shell or git reads otherwise', () =>
  every((one) =>
    assert.equal(
      watched(() => isTag(one)),
      /^\w[\w.-]*$/.test(one) && one.length <= 128 && !one.endsWith('\n'),
    ),
  ))

test('fuzz: a path that is written to stays in the repo, and out of what is git’s', () =>
  every((one) => {
    try {
      watched(() => checkPath(one))
    } catch (error) {
      assert.ok(error instanceof MgoError && error.code === 'EDIT_UNSAFE', String(error))
      return
    }
    assert.equal(posix.join('/repo', one), `/repo/${one}`)
    assert.doesNotMatch(one, /[\u0000-\u001f\u007f\\]|(?:^|\/)\.git/i)
    assert.equal(one.normalize('NFC'), one)
  }))

test('fuzz: what a path of the repo is, says the path', () =>
  every((one) => {
    const place = watched(() => placeOfPath(one))
    if (place.kind === 'other') return
    const want =
      place.kind === 'settings' ? 'mygitops.yaml' : `installations/${place.cluster}/${place.name}-${place.kind}.yaml`
    assert.equal(one, want)
  }))

test('fuzz: an author is one line of git’s, and reads as it is shown', () =>
  every((one) => {
    const got = watched(() => parseAuthor(one))
    if (got.kind === 'refused') return assert.equal(got.problem.code, 'AUTHOR_INVALID')
    const shown = showAuthor(got.author)
    assert.doesNotMatch(shown, /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
    assert.deepEqual(parseAuthor(shown), got)
  }))
