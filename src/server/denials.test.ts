import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuditEntry } from '../release/audit.ts'
import { denials } from './denials.ts'

function opened() {
  const entries: AuditEntry[] = []
  const time = { now: 0 }
  const add = async (entry: AuditEntry) => void entries.push(entry)
  return { entries, time, denied: denials({ add, now: () => time.now, warn: assert.fail }) }
}

test('who was denied what, the same thing once a minute', () => {
  const { entries, time, denied } = opened()
  const image = { repository: 'acme/web', tag: 'v2', digest: undefined }
  for (let i = 0; i < 3; i++) denied('token ci', { verb: 'deploy', cluster: 'prod', source: 'src', image })
  denied('token ci', { verb: 'read' })
  time.now = 61_000
  denied('token ci', { verb: 'read' })
  assert.deepEqual(entries, [
    { kind: 'denied', principal: 'token ci', verb: 'deploy', cluster: 'prod', source: 'src', image: 'acme/web:v2' },
    { kind: 'denied', principal: 'token ci', verb: 'read' },
    { kind: 'denied', principal: 'token ci', verb: 'read' },
  ])
})

test('a thousand different ones a minute, and no more', () => {
  const { entries, denied } = opened()
  for (let i = 0; i < 5_000; i++) denied('token ci', { verb: 'read', cluster: `c${i}` })
  assert.equal(entries.length, 1_000)
})
