import assert from 'node:assert/strict'
import { test } from 'node:test'
import { oneLine, plain } from './text.ts'

const cases: [text: string, want: string, why: string][] = [
  ['a\nb', 'a\nb', 'lines are kept'],
  ['\u001b[2Jgone', ' [2Jgone', 'an escape sequence clears no screen'],
  ['\u001b]8;;http://evil\u0007click', ' ]8;;http://evil click', 'nor makes it a link'],
  ['v1\rhealthy', 'v1 healthy', 'a carriage return overwrites no line'],
  ['\u009b31m', ' 31m', 'the 8-bit forms neither'],
  ['app\u202etxt.exe', 'app txt.exe', 'nothing is turned round'],
  ['ad\u200bmin', 'ad min', 'what cannot be seen is seen'],
  ['Zoë 漢字 👍', 'Zoë 漢字 👍', 'other writing stays'],
]
for (const [text, want, why] of cases) test(`plain: ${why}`, () => assert.equal(plain(text), want))

test('oneLine: line breaks are spaces', () => assert.equal(oneLine('a\n  b\r\n\nc'), 'a b c'))
