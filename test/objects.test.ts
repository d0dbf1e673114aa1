/**
 * Real objects, as a cluster writes them, and what is to be said of each. The first document of a file is judged, the
 * others belong to it: what its controller made, events, and what the rules may ask for (`absent: true` where it is not
 * there). Comments on top: `want: WORD [CODE] "SENTENCE"`, `why`, and `now` where the default (30 s later) does not do.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { type K8sObject, objectId, objectKey } from '../src/release/object.ts'
import { statusOf } from '../src/verdict/kinds.ts'
import type { Status } from '../src/verdict/status.ts'

const folder = join(import.meta.dirname, 'objects')
/** When the deploy began, in every file. */
const began = '2026-01-01T12:00:00Z'
const answers = /^(?:ConfigMap|Secret|ServiceAccount|StorageClass|PersistentVolumeClaim|ResourceQuota)$/

function load(text: string): readonly K8sObject[] {
  return parseAllDocuments(text).map((one) => one.toJS() as K8sObject)
}

function judge(text: string): Status {
  const [object, ...rest] = load(text)
  assert.ok(object)
  const now = /^# now: (\S+)$/m.exec(text)?.[1]
  return statusOf({
    object,
    related: rest.filter(({ kind }) => kind === 'Pod' || kind === 'ReplicaSet'),
    events: rest.filter(({ kind }) => kind === 'Event'),
    hasStatus: !/^# no status subresource$/m.test(text),
    sinceMs: Date.parse(began),
    nowMs: now === undefined ? Date.parse(began) + 30_000 : Date.parse(now),
    others: new Map(
      rest
        .filter(({ kind }) => answers.test(kind))
        .map((one) => [objectKey(objectId(one)), one['absent'] === true ? 'absent' : one]),
    ),
  })
}

for (const file of globSync('*.yaml', { cwd: folder }).sort()) {
  const text = readFileSync(join(folder, file), 'utf8')
  const why = /^# why: (.+)$/m.exec(text)?.[1] ?? ''
  test(`${file}: ${why}`, () => {
    const want = /^# want: (current|waiting|failed)(?: ([A-Z_]+))? "(.*)"$/.exec(text.split('\n')[0] ?? '')
    assert.ok(want, 'its first line says what is wanted')
    const found = judge(text)
    assert.deepEqual([found.word, found.code, found.says], [want[1], want[2], want[3]])
    if (found.word === 'failed') assert.ok((found.evidence ?? []).length > 0, 'an end has its proof')
    if (found.code !== undefined) assert.match(found.hint ?? '', /[.?]$/, 'a cause has a next step')
  })
}
