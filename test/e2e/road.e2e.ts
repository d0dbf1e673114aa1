/**
 * The main road over HTTP on a real cluster: one request, fifty at once with a foreign writer between them, failing
 * tags, repeated ones, and a server that is killed between push and answer.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git, makeBare, startGitServer } from '../git-server.ts'
import { call, chart, type Ended, makeMgo, values } from '../mgo.ts'
import { startRig } from '../rig/rig.ts'

const apps = Array.from({ length: 50 }, (_, i) => `app${i}`)
const rig = await startRig({ name: 'prod' })
const server = await startGitServer()
const bare = makeBare(server.root, 'gitops.git', {
  ...chart,
  ...Object.fromEntries(apps.map((app) => [`installations/prod/${app}-values.yaml`, values(app)])),
})
const mgo = makeMgo({ repo: server.url('gitops.git'), kubeconfig: rig.kubeconfig, helm: join(rig.bin, 'helm4') })
let service = await mgo.serve()
after(async () => {
  await service.stop()
  await server.close()
  await rig.stop()
  mgo.remove()
})

type Answer = {
  readonly status: string
  readonly error?: string
  readonly code?: string
  readonly deploy?: unknown
  readonly verdict?: {
    readonly verdict: string
    readonly commit?: string
    readonly releases: readonly { readonly reason: string; readonly code?: string; readonly hint?: string }[]
  }
}

/** The very line of the old tool's GitLab example. */
function curl(app: string, tag: string, author = 'ada@example.com'): Promise<Ended> {
  const data = [
    `triggerRepo=github.com/acme/${app}`,
    `imageRepo=localhost:5000/acme/${app}`,
    `imageTag=${tag}`,
    'cluster=prod',
    `author=${author}`,
  ]
  return call('curl', [
    '--silent',
    '--show-error',
    '--fail-with-body',
    `${service.url}/deploy`,
    ...data.flatMap((one) => ['--data', one]),
  ])
}

function commits(): number {
  return Number(git(bare, 'rev-list', '--count', 'main'))
}

function show(app: string): string {
  return git(bare, 'show', `main:installations/prod/${app}-values.yaml`)
}

test('one request: commit, push, helm, new pods, verdict', async () => {
  const { code, stdout } = await curl('app0', 'v2', 'Ada Lovelace <ada@example.com>')
  const answer = JSON.parse(stdout) as Answer
  assert.equal(code, 0, stdout)
  assert.equal(answer.status, 'ok')
  assert.deepEqual(answer.deploy, {
    triggerRepo: 'github.com/acme/app0',
    author: 'Ada Lovelace <ada@example.com>',
    Image: { repository: 'localhost:5000/acme/app0', tag: 'v2' },
    cluster: 'prod',
  })
  assert.equal(answer.verdict?.verdict, 'healthy')
  assert.equal(answer.verdict?.releases[0]?.reason, 'Deployment app0: 1 of 1 new pods are ready')
  assert.equal(show('app0'), values('app0', 'v2'))
  assert.equal(git(bare, 'log', '-1', '--format=%an %ae', 'main').trim(), 'Ada Lovelace ada@example.com')
  const image = await call(join(rig.bin, 'kubectl'), [
    '--kubeconfig',
    rig.kubeconfig,
    '-n',
    'shop',
    'get',
    'deploy',
    'app0',
    '-o',
    'jsonpath={..image}',
  ])
  assert.equal(image.stdout, 'localhost:5000/acme/app0:v2')
})

test('the same tag again makes no commit, and still answers for the pods', async () => {
  const before = commits()
  const { code, stdout } = await curl('app0', 'v2')
  assert.equal(code, 0, stdout)
  assert.equal((JSON.parse(stdout) as Answer).verdict?.verdict, 'healthy')
  assert.equal(commits(), before)
})

test('fifty at once, a foreign writer between them: fifty commits, few pushes, fifty right answers', async () => {
  const before = commits()
  const pushes = server.pushes()
  const work = mkdtempSync(join(tmpdir(), 'mgo-foreign-'))
  git(work, 'clone', '--quiet', bare, '.')
  server.fault('slow', 2)
  const answers = Promise.all(apps.map((app, i) => curl(app, 'v3', `Dev ${i} <dev${i}@example.com>`)))
  const file = join(work, 'installations/prod/app7-values.yaml')
  writeFileSync(file, `${readFileSync(file, 'utf8')}# a foreign line\n`)
  git(work, 'commit', '--quiet', '--all', '-m', 'A foreign line')
  pushUntilItLands(work)
  for (const { code, stdout } of await answers) {
    assert.equal(code, 0, stdout)
    assert.equal((JSON.parse(stdout) as Answer).verdict?.verdict, 'healthy', stdout)
  }
  assert.equal(commits(), before + 51)
  // Of each release no version but v1 and v3, however many looked at it meanwhile; and v2 of the first.
  const upgrades = mgo.helmCalls().filter((one) => one === 'upgrade').length
  assert.ok(upgrades <= 2 * apps.length + 1, `${upgrades} upgrades`)
  assert.ok(
    server.pushes() - pushes <= 4,
    `${server.pushes() - pushes} pushes by mgo, one or two of them lost the race`,
  )
  for (const app of apps) assert.equal(show(app), values(app, 'v3') + (app === 'app7' ? '# a foreign line\n' : ''))
  const authors = git(bare, 'log', '-51', '--format=%an', 'main').trim().split('\n')
  assert.equal(new Set(authors).size, 51)
  rmSync(work, { recursive: true, force: true })
})

/** Pushes as people do: pull and try again, until it goes through. The bare repo is written over a path, so mgo's pushes alone are counted. */
function pushUntilItLands(work: string): void {
  for (let turn = 0; turn < 20; turn++) {
    try {
      git(work, 'push', '--quiet')
      return
    } catch {
      git(work, 'pull', '--quiet', '--rebase')
    }
  }
  throw new Error('the foreign push never went through')
}

const failing: [tag: string, code: string, says: RegExp][] = [
  [
    'missing',
    'IMAGE_NOT_FOUND',
    /0 of 1 new pods are ready; the image localhost:5000\/acme\/app1:missing was not found/,
  ],
  ['crash', 'CRASH_LOOP', /exited with code 1/],
]
for (const [tag, want, says] of failing) {
  test(`a tag that never becomes ready (${tag}) fails curl --fail, with the pod's own reason`, async () => {
    const { code, stdout } = await curl('app1', tag)
    const answer = JSON.parse(stdout) as Answer
    assert.equal(code, 22, 'curl --fail')
    assert.equal(answer.status, 'error')
    assert.equal(answer.code, want)
    assert.match(answer.error ?? '', says)
    assert.equal(answer.verdict?.verdict, 'failed')
    assert.ok(answer.verdict?.releases[0]?.hint)
  })
}

test('the command line says the same, with its exit code', async () => {
  const args = ['--cluster', 'prod', '--source', 'github.com/acme/app2', '--author', 'Ada <ada@example.com>']
  const bad = await mgo.run('deploy', ...args, '--image', 'localhost:5000/acme/app2:missing', '-o', 'json')
  assert.equal(bad.code, 1, bad.stderr)
  assert.equal((JSON.parse(bad.stdout) as { releases: { code: string }[] }).releases[0]?.code, 'IMAGE_NOT_FOUND')
  const slow = await mgo.run('deploy', ...args, '--image', 'localhost:5000/acme/app2:never-ready', '--timeout', '3s')
  assert.equal(slow.code, 3, slow.stdout)
  assert.match(slow.stdout, /timed-out \[READINESS\]: not done after 3 s/)
  const good = await mgo.run('deploy', ...args, '--image', 'localhost:5000/acme/app2:v4')
  assert.equal(good.code, 0, good.stdout)
})

test('kill -9 between push and answer: after a restart the request ends, and there is no second commit', async () => {
  const before = commits()
  const marker = join(mgo.state, 'pushed')
  const hook = join(bare, 'hooks', 'post-receive')
  writeFileSync(hook, `#!/bin/sh\ntouch ${marker}\nsleep 3\n`)
  chmodSync(hook, 0o755)
  const body = {
    cluster: 'prod',
    source: 'github.com/acme/app3',
    image: 'localhost:5000/acme/app3:v5',
    author: 'Ada <ada@example.com>',
  }
  const accepted = await fetch(`${service.url}/v1/deploys`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  assert.equal(accepted.status, 202)
  const { id } = (await accepted.json()) as { id: string }
  while (!existsSync(marker)) await new Promise((resolve) => setTimeout(resolve, 20))
  await service.kill()
  rmSync(hook)
  service = await mgo.serve()
  const answer = await fetch(`${service.url}/v1/deploys/${id}?wait=60s`)
  const verdict = (await answer.json()) as { verdict: string }
  assert.equal(verdict.verdict, 'healthy', service.log())
  assert.equal(commits(), before + 1)
  assert.equal(
    git(bare, 'log', '--format=%B', 'main').split(`Mgo-Request: ${id}`).length,
    2,
    'its trailer is there once',
  )
})

test('SIGTERM ends it in order', async () => {
  assert.equal(await service.stop(), 0, service.log())
  service = await mgo.serve()
})
