/**
 * A server and a values file made to hurt: its own request is refused, and nobody else notices.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { git, makeBare, startGitServer } from '../git-server.ts'
import { makeMgo, values } from '../mgo.ts'

const remote = await startGitServer()
const hostile = `__mygitops:\n  chart: ./x\n  images:\n    evil: { repository: a/s, tag: v1 }\nx: [${'a,'.repeat(1_990_000)}]\n`
const bare = makeBare(remote.root, 'dense.git', {
  'installations/prod/evil-values.yaml': hostile,
  'installations/prod/web-values.yaml': values('web'),
})
const mgo = makeMgo({ repo: remote.url('dense.git') })
const server = await mgo.serve('--commit-only')
after(async () => {
  await server.stop()
  mgo.remove()
  await remote.close()
})

async function deploy(source: string): Promise<{ verdict: string; problem?: { code: string; message: string } }> {
  const body = JSON.stringify({ cluster: 'prod', source, image: 'acme/app:v2', author: 'Ada' })
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${server.url}/v1/deploys?wait=60s`, { method: 'POST', headers, body })
  return (await answer.json()) as Awaited<ReturnType<typeof deploy>>
}

/** The longest time (ms) that health was not told within, until `work` is done. */
async function silence(work: Promise<unknown>): Promise<number> {
  let [longest, isDone] = [0, false]
  const done = work.finally(() => {
    isDone = true
  })
  while (!isDone) {
    const begun = performance.now()
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200)
    longest = Math.max(longest, performance.now() - begun)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await done
  return longest
}

test('a dense file of 4 MB is refused, and health is told all the while', async () => {
  const asked = deploy('evil')
  // Parsing it takes ten seconds and more.
  assert.ok((await silence(asked)) < 1_000)
  const { verdict, problem } = await asked
  assert.deepEqual([verdict, problem?.code], ['refused', 'FILE_TOO_LARGE'])
  assert.match(problem?.message ?? '', /evil-values\.yaml has too many values/)
})

test('others of the cluster go on', async () => {
  const asked = deploy('github.com/acme/web')
  assert.ok((await silence(asked)) < 1_000)
  assert.equal((await asked).verdict, 'committed')
  assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), '2')
})

test('a source that nobody names looks at every file, and is refused as soon', async () => {
  const asked = deploy('github.com/acme/wep')
  assert.ok((await silence(asked)) < 1_000)
  assert.equal((await asked).verdict, 'refused')
})
