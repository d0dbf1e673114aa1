import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { reportOf, type Sent } from './send-pack.ts'

const line = (text: string): string => (Buffer.byteLength(text) + 4).toString(16).padStart(4, '0') + text
const band = (number: number, text: string): string => line(String.fromCharCode(number) + text)

const rows: readonly [why: string, answer: string, want: Sent][] = [
  ['a plain report', `${line('unpack ok\n')}${line('ok refs/heads/main\n')}0000`, { kind: 'taken' }],
  [
    'a report in a side band',
    `${band(1, `${line('unpack ok\n')}${line('ok refs/heads/main\n')}0000`)}0000`,
    { kind: 'taken' },
  ],
  [
    'a report that is cut into two bands',
    `${band(1, `${line('unpack ok\n')}00`)}${band(1, '17ok refs/heads/main\n')}0000`,
    { kind: 'taken' },
  ],
  [
    'a hook that says no, in its own words',
    `${band(2, 'no deploys on Friday\n')}${band(1, `${line('unpack ok\n')}${line('ng refs/heads/main pre-receive hook declined\n')}0000`)}0000`,
    { kind: 'rejected', why: 'pre-receive hook declined', words: 'no deploys on Friday\n' },
  ],
  [
    'a pack that the server cannot unpack is packed anew by git',
    `${line('unpack index-pack abnormal exit\n')}${line('ng refs/heads/main unpacker error\n')}0000`,
    { kind: 'unsuited' },
  ],
  [
    'a pack that lacks what an earlier attempt left in the mirror',
    `${line('unpack ok\n')}${line('ng refs/heads/main missing necessary objects\n')}0000`,
    { kind: 'unsuited' },
  ],
  ['nothing', '', { kind: 'unclear', why: 'the git server gave no report' }],
  ['a report that breaks off', line('unpack ok\n'), { kind: 'unclear', why: 'the git server’s report breaks off' }],
  ['a fatal word', band(3, 'out of memory'), { kind: 'unclear', why: 'out of memory' }],
  ['no pkt-line at all', '<html>hello</html>', { kind: 'unclear', why: 'the git server gave no report' }],
  ['a length that lies', 'ffffunpack ok', { kind: 'unclear', why: 'the git server gave no report' }],
]
for (const [why, answer, want] of rows) {
  test(`reportOf: ${why}`, () => {
    assert.deepEqual(reportOf(Buffer.from(answer)), want)
  })
}

test('fuzz: whatever bytes a server answers, they are one of the four, and never a success by chance', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...rows.map(([, answer]) => answer),
      '0000',
      '0004',
      'ffff',
      '\u0001',
      '\u0002',
      '\u0003',
      'ng ',
      '\0',
    ),
    fc.string().map(line),
    fc.string({ unit: 'binary' }),
  )
  const bytes = fc.array(piece, { maxLength: 12 }).map((parts) => Buffer.from(parts.join('')))
  fc.assert(
    fc.property(
      fc.oneof(
        bytes,
        fc.uint8Array({ maxLength: 300 }).map((one) => Buffer.from(one)),
      ),
      (answer) => {
        const sent = reportOf(answer)
        if (sent.kind === 'taken') assert.match(answer.toString('latin1'), /unpack ok[^]*ok /)
        else assert.ok(['rejected', 'unsuited', 'unclear'].includes(sent.kind))
      },
    ),
    { numRuns: Number(process.env['MGO_FUZZ_RUNS'] ?? 1_000) },
  )
})

test('fuzz: an answer of a quarter of a megabyte is read at once', () => {
  for (const one of ['0000', '0004', '0005\u0001', '0005\u0002', '00041']) {
    const begun = performance.now()
    reportOf(Buffer.from(one.repeat(Math.floor((256 * 1024) / one.length))))
    assert.ok(performance.now() - begun < 2_000, one)
  }
})
