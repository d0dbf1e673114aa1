import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Commit } from '../release/ids.ts'
import { packIn, tipIn } from './fetch-pack.ts'
import { framed } from './pkt-line.ts'

const tip = 'a'.repeat(40) as Commit
const line = (text: string): string => framed(text).toString('latin1')
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const pack = 'PACK\0\0\0\u0002\0\0\0\u0003rest'

const lists: readonly [why: string, answer: string, kind: string][] = [
  ['one branch', `${line(`${tip} refs/heads/main\n`)}0000`, 'fetched'],
  [
    'a branch whose name begins like ours is another one',
    `${line(`${'b'.repeat(40)} refs/heads/main-2\n`)}0000`,
    'unclear',
  ],
  ['both', `${line(`${'b'.repeat(40)} refs/heads/main-2\n`)}${line(`${tip} refs/heads/main\n`)}0000`, 'fetched'],
  ['no branch at all is for git to say', '0000', 'unclear'],
  ['the first version of the protocol', line('ERR upload-pack: protocol error, expected to get object ID'), 'unsuited'],
  ['nothing', '', 'unsuited'],
  ['a page', '<html>hello</html>', 'unsuited'],
  ['an answer that breaks off', line(`${tip} refs/heads/main\n`), 'unsuited'],
]
for (const [why, answer, kind] of lists) {
  test(`tipIn: ${why}`, () => {
    const found = tipIn(bytes(answer), 'main')
    assert.equal(found.kind, kind)
    if (found.kind === 'fetched') assert.equal(found.tip, tip)
  })
}

const packs: readonly [why: string, answer: string, want: { kind: string; why?: string }][] = [
  [
    'a pack in bands',
    `${line('packfile\n')}${line(`\u0001${pack.slice(0, 7)}`)}${line('\u0002words')}${line(`\u0001${pack.slice(7)}`)}0000`,
    { kind: 'fetched' },
  ],
  [
    'an error before it',
    line('ERR upload-pack: not our ref'),
    { kind: 'unclear', why: 'ERR upload-pack: not our ref' },
  ],
  [
    'an error in it',
    `${line('packfile\n')}${line('\u0003out of memory')}0000`,
    { kind: 'unclear', why: 'out of memory' },
  ],
  [
    'one that breaks off',
    `${line('packfile\n')}${line(`\u0001${pack}`)}`,
    { kind: 'unclear', why: 'the git server’s pack breaks off' },
  ],
  [
    'no pack',
    `${line('packfile\n')}${line('\u0001hello, it is me')}0000`,
    { kind: 'unclear', why: 'the git server’s pack breaks off' },
  ],
  [
    'a server that is shallow itself',
    `${line('shallow-info\n')}0001${line('packfile\n')}0000`,
    { kind: 'unclear', why: 'shallow-info' },
  ],
  ['nothing', '', { kind: 'unclear', why: 'the git server sent no pack' }],
]
for (const [why, answer, want] of packs) {
  test(`packIn: ${why}`, () => {
    const found = packIn(bytes(answer), tip)
    assert.equal(found.kind, want.kind)
    if (found.kind === 'unclear') assert.equal(found.why, want.why)
    if (found.kind === 'fetched') assert.equal(found.pack?.toString('latin1'), bytes(pack).toString('latin1'))
  })
}

test('fuzz: whatever bytes a server answers, a tip is one that it named, and a pack is one that it sent', () => {
  const corpus = [...lists, ...packs].map(([, answer]) => answer)
  const piece = fc.oneof(
    fc.constantFrom(...corpus, '0000', '0001', '0002', '0004', 'ffff', 'PACK', 'packfile\n', ' refs/heads/main\n'),
    fc.string().map(line),
    fc.string({ unit: 'binary' }),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (parts) => {
      const answer = bytes(parts.join(''))
      const found = tipIn(answer, 'main')
      if (found.kind === 'fetched') assert.ok(answer.includes(`${found.tip} refs/heads/main`))
      const packed = packIn(answer, tip)
      if (packed.kind === 'fetched') assert.equal(packed.pack?.toString('latin1', 0, 4), 'PACK')
    }),
    { numRuns: Number(process.env['MGO_FUZZ_RUNS'] ?? 1_000) },
  )
})
