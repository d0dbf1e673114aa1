/**
 * Hands a run to the checker, which is a program of its own.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunRecord } from './checker/checker.ts'
import type { Life } from './checker/process.ts'
import { call, type Server } from './mgo.ts'

/** What every server of a trial keeps to. A test's own git before the real one takes half a minute to end. */
const bounds = { maxPeakMiB: 450, moreFiles: 16, restMs: 35_000 }

/** Fails with all that is wrong with a run. */
export async function judge(asked: Omit<RunRecord, keyof typeof bounds>): Promise<void> {
  const run: RunRecord = { ...asked, ...bounds }
  const folder = mkdtempSync(join(tmpdir(), 'mgo-judge-'))
  const file = join(folder, 'run.json')
  writeFileSync(file, JSON.stringify(run))
  const ran = await call(process.execPath, [join(import.meta.dirname, 'checker', 'checker.ts'), file])
  rmSync(folder, { recursive: true, force: true })
  assert.equal(ran.code, 0, `${ran.stdout}\n${ran.stderr}\n${run.log.slice(-4_000)}`)
}

/** What is remembered of a server. */
export function lived(server: Server): Life {
  return { peakMiB: server.peakMiB(), files: server.files }
}
