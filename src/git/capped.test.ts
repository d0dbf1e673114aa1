import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { capped } from './capped.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-capped-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('a folder that cannot be looked at ends neither the fetch nor the process', async () => {
  const gone = join(folder, 'gone')
  assert.equal(await capped(gone, 10, () => new Promise((resolve) => setTimeout(() => resolve('done'), 500))), 'done')
  mkdirSync(join(gone, 'objects'), { recursive: true })
  assert.equal(await capped(gone, 10, async () => 'done'), 'done')
})
