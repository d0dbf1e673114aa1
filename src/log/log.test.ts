import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openSecrets } from '../secrets.ts'
import { openLog } from './log.ts'

function opened(look: 'json' | 'lines', level: 'debug' | 'info' = 'info') {
  const lines: string[] = []
  const secrets = openSecrets()
  const log = openLog({ level, look, hide: secrets.hide, write: (line) => void lines.push(line) })
  return { log, lines, secrets }
}

test('a JSON object on each line, with level, time and fields', () => {
  const { log, lines } = opened('json')
  log.info('deployed', { cluster: 'prod', id: '01' })
  log.error('two\nlines')
  const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, string>)
  assert.deepEqual({ ...first, time: '' }, { level: 'info', time: '', cluster: 'prod', id: '01', msg: 'deployed' })
  assert.match(first?.['time'] ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  assert.equal(second?.['msg'], 'two\nlines')
  assert.ok(lines.every((line) => line.indexOf('\n') === line.length - 1))
})

test('a secret is found by its value, in the text and in any field', () => {
  const { log, lines, secrets } = opened('json')
  secrets.credential('pw "quoted" 1')
  log.warn('login pw "quoted" 1 failed', { deep: { url: 'https://a:pw@x', list: ['pw "quoted" 1'] } })
  const said = JSON.parse(lines[0] ?? '') as Record<string, unknown>
  assert.equal(said['msg'], 'login *** failed')
  assert.deepEqual(said['deep'], { url: 'https://***@x', list: ['***'] })
})

test('readable lines on a terminal, which nothing in them paints', () => {
  const { log, lines } = opened('lines')
  log.info('hello \u001b[31mred\u202e')
  log.warn('look out', { id: '01' })
  assert.match(lines[0] ?? '', /^\S+Z hello {2}?\[31mred $/m)
  assert.match(lines[1] ?? '', /^\S+Z warn: look out\n$/)
})

test('the level decides what is said', () => {
  const quiet = opened('json')
  quiet.log.debug('details')
  assert.deepEqual(quiet.lines, [])
  const loud = opened('json', 'debug')
  loud.log.debug('details')
  assert.equal(loud.lines.length, 1)
})
