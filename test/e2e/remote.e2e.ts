/**
 * `mgo deploy --server`, as jobs run it: its own process against a server that wants to know who calls.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { asked, audience, ci, good, issuer, server, wish } from '../door.ts'
import { call, type Ended } from '../mgo.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
const folder = mkdtempSync(join(tmpdir(), 'mgo-remote-'))

/** Where a job of GitHub Actions asks for its identity token. */
const asks: { readonly url: string; readonly authorization: string }[] = []
let answer: (() => Promise<string>) | undefined = async () => issuer.sign({ ...good, actor: 'ada' })
const github = createServer(async (request, response) => {
  asks.push({ url: request.url ?? '', authorization: request.headers.authorization ?? '' })
  if (answer === undefined) return response.writeHead(403).end('{}')
  return response.end(JSON.stringify({ value: await answer() }))
})
await new Promise<void>((resolve) => github.listen(0, '127.0.0.1', resolve))
const githubUrl = `http://127.0.0.1:${(github.address() as AddressInfo).port}/token?api-version=2`
after(() => {
  github.close()
  rmSync(folder, { recursive: true })
})

function deploy(env: Readonly<Record<string, string>>, ...more: readonly string[]): Promise<Ended> {
  const { cluster, source, image } = wish
  const args = ['--server', server, '--cluster', cluster, '--source', source, '--image', image, ...more]
  return call(process.execPath, [main, 'deploy', ...args], env)
}

const secretless = ({ stdout, stderr }: Ended, secret: string) => assert.ok(!(stdout + stderr).includes(secret))

test('a token from the environment, and from a file; the author may be left out', async () => {
  const file = join(folder, 'token')
  writeFileSync(file, `${ci}\n`)
  for (const env of [{ MGO_TOKEN: ci }, { MGO_TOKEN_FILE: file }]) {
    const ended = await deploy(env)
    assert.equal(ended.code, 0, ended.stderr)
    assert.equal(asked.at(-1)?.author.name, 'ci')
    secretless(ended, ci)
  }
})

test('a job of GitHub Actions asks for its own token, for this server', async () => {
  const env = {
    ACTIONS_ID_TOKEN_REQUEST_URL: githubUrl,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'right-to-ask',
    MGO_AUDIENCE: audience,
  }
  const ended = await deploy(env)
  assert.equal(ended.code, 0, ended.stderr)
  assert.equal(asked.at(-1)?.verifiedBy, `oidc ${issuer.url} repo:acme/web:ref:refs/heads/main`)
  assert.equal(asks[0]?.url, `/token?api-version=2&audience=${encodeURIComponent(audience)}`)
  assert.equal(asks[0]?.authorization, 'Bearer right-to-ask')
  secretless(ended, 'right-to-ask')
})

test('a job that may not ask is told what it lacks', async () => {
  answer = undefined
  const ended = await deploy({ ACTIONS_ID_TOKEN_REQUEST_URL: githubUrl, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x' })
  assert.equal(ended.code, 5)
  assert.match(ended.stderr, /gives this job no identity token.*403[^]*id-token: write/)
})

test('who is not let in is told so, with the exit code of a refusal', async () => {
  const nobody = await deploy({})
  assert.equal(nobody.code, 2)
  assert.match(nobody.stderr, /UNAUTHORIZED/)
  const denied = await deploy({ MGO_TOKEN: ci }, '--image', 'evil.io/acme/web:v1')
  assert.equal(denied.code, 2)
  assert.match(denied.stderr, /FORBIDDEN: the server’s policy does not let token ci deploy evil.io/)
  secretless(denied, ci)
})
