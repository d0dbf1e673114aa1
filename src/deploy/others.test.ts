import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { K8sObject, ObjectId } from '../release/object.ts'
import { objectKey } from '../release/object.ts'
import { openOthers } from './others.ts'

const secret = (name: string): ObjectId => ({ group: '', version: 'v1', kind: 'Secret', namespace: 'shop', name })
const object = (name: string): K8sObject => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name } })

function world(answer: (id: ObjectId) => Promise<K8sObject | undefined>) {
  const asked: string[] = []
  let woken = 0
  const get = (id: ObjectId) => {
    asked.push(id.name)
    return answer(id)
  }
  return { asked, woken: () => woken, others: openOthers({ get }, () => woken++) }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('each is read once, and again after five seconds', async () => {
  const { asked, woken, others } = world(async ({ name }) => (name === 'there' ? object(name) : undefined))
  const ids = [secret('there'), secret('gone')]
  others.ask(ids, 0)
  assert.equal(others.isAnswered(ids), false)
  await settled()
  others.ask(ids, 4_999)
  assert.deepEqual([asked, woken(), others.isAnswered(ids)], [['there', 'gone'], 2, true])
  assert.equal(others.known().get(objectKey(secret('gone'))), 'absent')
  others.ask(ids, 5_000)
  assert.equal(others.isAnswered(ids), true, 'the old answer counts until the new one comes')
  assert.equal(asked.length, 4)
})

test('what may not be read is answered, and not known', async () => {
  const { others } = world(() => Promise.reject(new Error('403')))
  others.ask([secret('hidden')], 0)
  await settled()
  assert.deepEqual([others.isAnswered([secret('hidden')]), others.known().size], [true, 0])
})

test('of very many only the first are read, and nobody waits for the rest', async () => {
  const { asked, others } = world(async () => undefined)
  const ids = Array.from({ length: 20 }, (_, i) => secret(`s${i}`))
  others.ask(ids, 0)
  await settled()
  assert.deepEqual([asked.length, others.isAnswered(ids)], [8, true])
})
