/**
 * Who made and who revoked a static token stands in the audit trail, once, whether the server runs, dies or is away; the
 * token itself never does.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeBare } from '../git-server.ts'
import { makeMgo, values } from '../mgo.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-tokens-'))
const repo = makeBare(root, 'repo.git', { 'installations/prod/web-values.yaml': values('web') })
const config = join(root, 'mgo.server.yaml')
const mgo = makeMgo({ repo, env: { MGO_CONFIG: config } })
writeFileSync(config, 'identities: { tokens: true }\n')
after(() => {
  mgo.remove()
  rmSync(root, { recursive: true, force: true })
})

type Made = { readonly kind: string; readonly what: string; readonly name: string; readonly by: string; token: string }
const create = async (name: string, ...scopes: string[]) => {
  const made = await mgo.run('token', 'create', '--name', name, '--expires', '1h', ...scopes)
  assert.equal(made.code, 0, made.stderr)
  return made.stdout.trim()
}
const all = ['--scope', 'admin cluster=** source=** image=**']

test('tokens in the audit trail: made before the server, beside it, while it is dead', async () => {
  const admin = await create('admin', ...all)
  const server = await mgo.serve('--commit-only')
  const trail = async (url: string) => {
    const response = await fetch(`${url}/v1/audit`, { headers: { authorization: `Bearer ${admin}` } })
    const { entries } = (await response.json()) as { readonly entries: readonly { readonly entry: string }[] }
    return entries.map(({ entry }) => JSON.parse(entry) as Made).filter(({ kind }) => kind === 'token')
  }
  const until = async (url: string, count: number) => {
    for (const end = performance.now() + 20_000; ; ) {
      const found = await trail(url)
      if (found.length >= count) return found
      assert.ok(performance.now() < end, JSON.stringify(found))
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const ci = await create('ci')
  await until(server.url, 2)
  assert.equal((await mgo.run('token', 'revoke', 'ci')).code, 0)
  // Wherever the crash falls, between the trail and the note that it has it, or before both.
  await server.kill()
  const again = await create('ci')
  const second = await mgo.serve('--commit-only')
  const found = await until(second.url, 4)
  const me = userInfo().username
  assert.deepEqual(
    found.map(({ what, name, by }) => `${what} ${name} ${by}`),
    [`created admin ${me}`, `created ci ${me}`, `revoked ci ${me}`, `created ci ${me}`],
  )
  assert.equal(found[1]?.token, found[2]?.token)
  assert.notEqual(found[1]?.token, found[3]?.token)
  const listed = JSON.parse((await mgo.run('token', 'list', '-o', 'json')).stdout) as { readonly id: string }[]
  assert.ok(listed.some(({ id }) => id === found[3]?.token))

  assert.equal(await second.stop(), 0)
  const third = await mgo.serve('--commit-only')
  await new Promise((resolve) => setTimeout(resolve, 2_500))
  assert.equal((await trail(third.url)).length, 4, 'another start tells nothing twice')
  assert.equal(await third.stop(), 0)
  assert.match((await mgo.run('audit', '--verify')).stdout, /^whole: /)
  const shown = (await mgo.run('audit', '--principal', 'token ci')).stdout
  assert.match(shown, new RegExp(`token {3}ci \\(${found[2]?.token}\\) revoked by ${me}`))
  const journal = ['journal.sqlite', 'journal.sqlite-wal'].flatMap((one) => {
    try {
      return [readFileSync(join(mgo.state, 'state', one))]
    } catch {
      return []
    }
  })
  for (const token of [admin, ci, again])
    assert.ok(!journal.some((bytes) => bytes.includes(token.slice(4))) && !shown.includes(token.slice(4)))
})
