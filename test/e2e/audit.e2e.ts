/**
 * The audit trail as its readers see it: `mgo audit`, and `GET /v1/audit` of a running server.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { makeBare } from '../git-server.ts'
import { chart, makeMgo, values } from '../mgo.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-audit-'))
const repo = makeBare(root, 'repo.git', { ...chart, 'installations/prod/web-values.yaml': values('web') })
const mgo = makeMgo({ repo })
const journal = join(mgo.state, 'state', 'journal.sqlite')
after(() => {
  mgo.remove()
  rmSync(root, { recursive: true, force: true })
})

async function deploy(url: string, source: string): Promise<string> {
  const body = JSON.stringify({ cluster: 'prod', source, image: 'acme/web:v2', author: 'Ada <ada@example.com>' })
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${url}/v1/deploys?wait=10s`, { method: 'POST', headers, body })
  return ((await answer.json()) as { readonly id: string }).id
}

test('what a server was asked, from the server and from its journal', async () => {
  const server = await mgo.serve('--dry-run')
  const [first, second] = [await deploy(server.url, 'github.com/acme/web'), await deploy(server.url, 'nobody')]
  const remote = await mgo.run('audit', '--server', server.url)
  assert.equal(remote.code, 0, remote.stderr)
  assert.match(remote.stdout, new RegExp(`asked {3}${first} acme/web:v2 to prod: Ada <ada@example.com>`))
  assert.match(remote.stdout, new RegExp(`ended {3}${second} refused \\(SOURCE_UNKNOWN\\) on prod`))
  const locked = await mgo.run('audit')
  assert.equal(locked.code, 5)
  assert.match(locked.stderr, /--server/)
  assert.equal(await server.stop(), 0)
  assert.match(server.log(), /the audit trail ends at 4:[0-9a-f]{64}/)

  const local = await mgo.run('audit', '-o', 'json', '--cluster', 'prod', '--since', '1h')
  const lines = local.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { n: number; entry: { kind: string } })
  assert.deepEqual(
    lines.map(({ n, entry }) => `${n} ${entry.kind}`),
    ['1 asked', '2 ended', '3 asked', '4 ended'],
  )
  assert.equal((await mgo.run('audit', '--cluster', 'test')).stdout, '')
})

test('--verify: whole, and broken after a change; --head finds a trail that was written anew', async () => {
  const whole = await mgo.run('audit', '--verify')
  assert.match(whole.stdout, /^whole: 4 entries\nhead 4:[0-9a-f]{64}\n$/)
  const head = /head (\S+)/.exec(whole.stdout)?.[1] ?? ''
  assert.equal((await mgo.run('audit', '--verify', '--head', head)).code, 0)
  const other = await mgo.run(
    'audit',
    '--verify',
    '--head',
    head.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
  )
  assert.equal(other.code, 1)
  assert.match(other.stdout, /entry 4 is not what it was/)

  const idle = await mgo.run('audit', '--head', head)
  assert.equal(idle.code, 2)
  assert.match(idle.stderr, /^USAGE: --head says what --verify is to find/)

  const database = new DatabaseSync(journal)
  database.exec(`UPDATE audit SET entry = replace(entry, 'Ada', 'Eve') WHERE n = 1`)
  database.close()
  const broken = await mgo.run('audit', '--verify')
  assert.equal(broken.code, 1)
  assert.match(broken.stdout, /^broken: entry 1: this entry, or its hash, was changed/)

  const worse = new DatabaseSync(journal)
  worse.exec(`DROP INDEX audit_asked; DROP INDEX audit_token; UPDATE audit SET entry = '{' WHERE n = 1`)
  worse.close()
  const unread = await mgo.run('audit')
  assert.equal(unread.code, 5)
  assert.match(unread.stderr, /^JOURNAL_FAILED: entry 1 of the audit trail was changed: it cannot be read/)
})
