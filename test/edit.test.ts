/**
 * The law of the edit: of any values file exactly the meant scalars change and every other byte stays; edited twice is
 * edited once; an independent reading gives the asked image.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAllDocuments } from 'yaml'
import { setImage } from '../src/manifest/edit.ts'
import type { Image } from '../src/release/image.ts'
import { type ValuesFile, valuesFile } from './values-file.ts'

const part = fc.stringMatching(/^[a-z0-9]{1,6}(?:[._-][a-z0-9]{1,4})?$/)
const host = fc.constantFrom('', 'localhost:5000/', 'quay.io/', 'registry.example.com:5000/', '1.2.3.4/')
const tag = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,8}$/),
  fc.constantFrom(
    '1e3',
    '0x10',
    'on',
    'null',
    '2026-11-23',
    '0644',
    '1_000',
    'y',
    'No',
    '1.0',
    '.5x'.slice(1),
    '0o7',
    '1e',
    'v2',
    '1.2.3',
    '_',
    '_1',
    '1_',
    '0b1',
    '12e03',
  ),
)
const digest = `sha256:${'0123456789abcdef'.repeat(4)}`
const image: fc.Arbitrary<Image & { readonly tag: string }> = fc
  .record({
    host,
    path: fc.array(part, { minLength: 1, maxLength: 3 }),
    tag,
    digest: fc.option(fc.constant(digest), { nil: undefined }),
  })
  .map(({ host: registry, path, ...rest }) => ({ repository: registry + path.join('/'), ...rest }))

function join(pieces: readonly string[], between: readonly string[]): string {
  return pieces.map((piece, i) => piece + (between[i] ?? '')).join('')
}

function wantedOf(file: ValuesFile, asked: Image): readonly string[] {
  const behind = asked.digest === undefined ? '' : `@${asked.digest}`
  return file.meant.map(({ key }) => {
    if (key === 'tag') return `${asked.tag}${behind}`
    return file.form === 'one-string' ? `${asked.repository}:${asked.tag}${behind}` : asked.repository
  })
}

/** How a scalar may look afterwards: its quotes stay, and a plain one is quoted only where it must be. */
function ways(old: string, value: string): readonly string[] {
  if (old.startsWith('"')) return [`"${value}"`]
  if (old.startsWith("'")) return [`'${value}'`]
  if (old.trim() !== '') return [value, `"${value}"`]
  // Nothing stood there: it may come anywhere between the blanks, with a space that keeps it from its neighbours.
  return [value, `"${value}"`].flatMap((one) =>
    Array.from({ length: old.length + 1 }, (_, i) => [old.slice(0, i), old.slice(i)]).flatMap(([left, right]) =>
      ['', ' '].flatMap((before) => ['', ' '].map((after) => `${left}${before}${one}${after}${right}`)),
    ),
  )
}

/** Where nothing stood, the blanks behind it belong to what may change. */
function blanksMoved({ pieces, meant, ...rest }: ValuesFile): ValuesFile {
  const blanks = meant.map(({ text }, i) => (text === '' ? (/^[ \t]*/.exec(pieces[i + 1] ?? '')?.[0] ?? '') : ''))
  return {
    ...rest,
    pieces: pieces.map((piece, i) => (i === 0 ? piece : piece.slice(blanks[i - 1]?.length ?? 0))),
    meant: meant.map((one, i) => ({ ...one, text: one.text + (blanks[i] ?? '') })),
  }
}

/** Everything a reader sees, aliases and merges followed, by both versions of YAML. */
function readings(text: string): readonly unknown[] {
  return (['1.1', '1.2'] as const).map((version) =>
    parseAllDocuments(text.replaceAll('%YAML 1.1', '#'), { version, merge: true, uniqueKeys: false }).map((doc) => {
      assert.deepEqual(doc.errors, [])
      return doc.toJS({ maxAliasCount: -1 }) as unknown
    }),
  )
}

function entryIn(reading: unknown, source: string): Record<string, unknown> {
  for (const doc of reading as readonly Record<
    string,
    { images?: Record<string, Record<string, unknown>> } | undefined
  >[]) {
    const found = doc?.['__mygitops']?.images?.[source]
    if (found !== undefined) return found
  }
  throw new Error('no header')
}

const runs = {
  numRuns: Number(process.env['MGO_FUZZ_RUNS'] ?? 120),
  interruptAfterTimeLimit: 60_000,
  markInterruptAsFailure: true,
}

test('of any values file exactly the meant scalars change, and every other byte stays', () => {
  fc.assert(
    fc.property(valuesFile.map(blanksMoved), image, (file, asked) => {
      const before = join(
        file.pieces,
        file.meant.map((one) => one.text),
      )
      const input = { path: 'p', source: file.source, image: asked }
      const edit = setImage({ ...input, bytes: new TextEncoder().encode(before) })
      assert.notEqual(edit.kind, 'absent')
      assert.ok(edit.kind !== 'refused', JSON.stringify(edit))
      const after =
        edit.kind === 'unchanged'
          ? before
          : new TextDecoder('utf-8', { ignoreBOM: true }).decode(edit.kind === 'changed' ? edit.bytes : undefined)
      const wanted = wantedOf(file, asked)
      const possible = file.meant.reduce<readonly string[][]>(
        (all, { text }, i) => all.flatMap((one) => [...ways(text, wanted[i] ?? ''), text].map((way) => [...one, way])),
        [[]],
      )
      assert.ok(
        possible.some((one) => join(file.pieces, one) === after),
        `${JSON.stringify(before)}\n${JSON.stringify(after)}`,
      )
      for (const reading of readings(after)) {
        const entry = entryIn(reading, file.source)
        file.meant.forEach(({ key }, i) => assert.equal(entry[key], wanted[i], after))
      }
      assert.equal(setImage({ ...input, bytes: new TextEncoder().encode(after) }).kind, 'unchanged')
    }),
    runs,
  )
})

test('what stands elsewhere reads as it did', () => {
  fc.assert(
    fc.property(valuesFile, image, (file, asked) => {
      const before = join(
        file.pieces,
        file.meant.map((one) => one.text),
      )
      const edit = setImage({ path: 'p', source: file.source, image: asked, bytes: new TextEncoder().encode(before) })
      if (edit.kind !== 'changed') return
      const [then, now] = [readings(before), readings(new TextDecoder().decode(edit.bytes))]
      for (const [i, reading] of then.entries()) {
        const [old, fresh] = [entryIn(reading, file.source), entryIn(now[i], file.source)]
        for (const { key } of file.meant) old[key] = fresh[key]
      }
      assert.deepEqual(now, then)
    }),
    runs,
  )
})
