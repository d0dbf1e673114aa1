/**
 * The files of docs/ci, run as they stand there: their shell lines, against a server that wants to know who calls.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parse } from 'yaml'
import { asked, good, issuer, server } from '../door.ts'
import { call } from '../mgo.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-ci-'))
after(() => rmSync(folder, { recursive: true }))

/** The file of a page. */
function example(page: string, file: string): unknown {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'ci', page), 'utf8')
  const block = new RegExp(`^\`\`\`yaml\\n# file: ${file}\\n(.*?)^\`\`\`$`, 'ms').exec(text)?.[1]
  assert.ok(block !== undefined, file)
  return parse(block)
}

/** Runs lines as a CI system does: the first that fails ends the job. */
async function job(lines: string, env: Readonly<Record<string, string>>) {
  const script = join(folder, 'script.sh')
  writeFileSync(script, lines)
  return call('bash', ['-e', script], env)
}

type Workflow = {
  readonly jobs: { readonly deploy: { readonly steps: readonly { readonly name?: string; readonly run?: string }[] } }
}

test('the step of docs/ci/github.md deploys with the job’s own identity', async (t) => {
  const github = createServer(async (request, response) => {
    assert.equal(request.headers.authorization, 'Bearer right-to-ask')
    response.end(JSON.stringify({ value: await issuer.sign({ ...good, actor: 'ada' }) }))
  })
  await new Promise<void>((resolve) => github.listen(0, '127.0.0.1', resolve))
  t.after(() => github.close())
  const { steps } = (example('github.md', '.github/workflows/deploy.yml') as Workflow).jobs.deploy
  const run = steps.find(({ name }) => name === 'Deploy')?.run ?? ''
  const env = {
    MGO_URL: server,
    IMAGE: 'ghcr.io/acme/web',
    GITHUB_REPOSITORY: 'acme/web',
    RUNNER_TEMP: folder,
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${(github.address() as AddressInfo).port}/token?v=2`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'right-to-ask',
  }
  const done = await job(run, { ...env, TAG: 'v7' })
  assert.equal(done.code, 0, done.stderr + done.stdout)
  assert.deepEqual([asked.at(-1)?.image.tag, asked.at(-1)?.author.name], ['v7', 'ada'])
  const denied = await job(run, { ...env, TAG: 'v7', GITHUB_REPOSITORY: 'eve/web' })
  assert.notEqual(denied.code, 0)
  assert.match(denied.stdout, /FORBIDDEN/)
})

test('the step of docs/ci/github.md fails while there is no verdict', async (t) => {
  // As mgo answers when ten minutes are over, which is the longest that it holds an answer back.
  const slow = createServer((request, response) => {
    if (request.url?.startsWith('/token')) response.end('{"value":"x"}')
    else response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"accepted"}')
  })
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve))
  t.after(() => slow.close())
  const url = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`
  const { steps } = (example('github.md', '.github/workflows/deploy.yml') as Workflow).jobs.deploy
  const done = await job(steps.find(({ name }) => name === 'Deploy')?.run ?? '', {
    MGO_URL: url,
    IMAGE: 'ghcr.io/acme/web',
    TAG: 'v7',
    GITHUB_REPOSITORY: 'acme/web',
    RUNNER_TEMP: folder,
    ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/token?v=2`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'right-to-ask',
  })
  assert.match(done.stdout, /accepted/)
  assert.notEqual(done.code, 0, 'a job must not be green before the deploy is')
})

type Pipeline = { readonly '.deploy': { readonly script: readonly string[] } }

test('the job of docs/ci/gitlab.md deploys with the job’s own identity', async () => {
  const { script } = (example('gitlab.md', '.gitlab-ci.yml') as Pipeline)['.deploy']
  const env = {
    MGO_URL: server,
    MGO_TOKEN: await issuer.sign({ ...good, user_login: 'grace', user_email: 'grace@example.com' }),
    CI_PROJECT_URL: 'https://github.com/acme/web',
    IMAGE_REPO: 'ghcr.io/acme/web',
    IMAGE_TAG: 'v8',
    CLUSTER: 'my-prod',
    GITLAB_USER_NAME: 'Grace Hopper',
    GITLAB_USER_EMAIL: 'grace@example.com',
  }
  // Each job has a file system of its own; here /tmp is everybody's.
  const lines = script.join('\n').replaceAll('/tmp/', `${folder}/`)
  const done = await job(lines, env)
  assert.equal(done.code, 0, done.stderr + done.stdout)
  const request = asked.at(-1)
  assert.deepEqual([request?.author.name, request?.author.email], ['grace', 'grace@example.com'])
  assert.equal(request?.claimedAuthor, 'Grace Hopper <grace@example.com>')
  assert.notEqual((await job(lines, { ...env, CLUSTER: 'my-staging' })).code, 0)
})
