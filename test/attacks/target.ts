/**
 * What is attacked: `mgo serve` as its users run it, with every door open: tokens, an issuer, hooks with a registry, a
 * gitops repo over HTTP. After each attack it is looked at what it did: no ref, commit, request, file, program or log line
 * may be there that was not asked for.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { git, makeBare, startGitServer } from '../git-server.ts'
import { startIssuer } from '../issuer.ts'
import { makeMgo, values } from '../mgo.ts'
import { startRegistry } from '../registry-server.ts'

export const audience = 'https://mgo.example.com'
export const issuer = await startIssuer(audience)
export const registry = await startRegistry()
export const hooked = `${registry.host}/acme/web`

export const root = mkdtempSync(join(tmpdir(), 'mgo-attacked-'))
/** No attack may make this file. */
export const canary = join(root, 'canary')
const gitServer = await startGitServer()
export const secrets = {
  git: 'the-password-of-the-git-server',
  id: 'an-id-that-nobody-guesses-0123',
  hook: 'the-secret-of-every-hook-0123',
}

/** Makes the gitops repo: one team's release, another's, and what a test adds. */
function repoOf(files: Readonly<Record<string, string | Buffer>> = {}): string {
  return makeBare(gitServer.root, 'gitops.git', {
    'installations/my-prod/web-values.yaml': values('web').replace('localhost:5000/acme/web', hooked),
    'installations/my-prod/shop-values.yaml': values('shop'),
    'installations/other-prod/pay-values.yaml': values('pay'),
    ...files,
  })
}

const hook = (vendor: string, more = '') =>
  `  ${vendor}:\n    vendor: ${vendor}\n    idEnv: HOOK_ID_${vendor.toUpperCase()}\n${more}`
const signed = '    secretEnv: HOOK_SECRET\n'
const images = `    images: [{ repository: ${hooked}, source: github.com/acme/web, clusters: [my-prod], tags: any, resolve: true }]\n`
const settings = (limits: string) => `commitOnly: true
identities:
  tokens: true
  issuers: { ci: { issuer: "${issuer.url}", audience: "${audience}" } }
policy:
  - name: web from main
    who:
      issuer: ci
      claims: { repository_id: 4711, ref: refs/heads/main, job_workflow_ref: acme/ci/deploy.yml@refs/heads/main }
    may: [deploy, read]
    clusters: my-prod
    sources: github.com/acme/web
    images: "**"
  - { name: hooks, who: { hook: "*" }, may: [deploy], clusters: "**", sources: "**", images: "**" }
hooks:
${hook('generic', signed + images)}${hook('github', signed)}${hook('dockerhub', images)}${hook('quay', images)}
registries: { ${JSON.stringify(registry.host)}: { plain: true } }
limits: { ${limits} }
`

export type Target = {
  readonly url: string
  readonly pid: number
  readonly bare: string
  readonly state: string
  readonly tokens: { readonly web: string; readonly pay: string; readonly admin: string }
  log(): string
  run(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>
  /** Commits of the branch. */
  commits(): number
}

const ids = Object.fromEntries(
  ['GENERIC', 'GITHUB', 'DOCKERHUB', 'QUAY'].map((vendor) => [
    `HOOK_ID_${vendor}`,
    `${secrets.id}-${vendor.toLowerCase()}`,
  ]),
)

/** Starts the server; it ends with the test file. */
export async function startTarget(
  files: Readonly<Record<string, string | Buffer>> = {},
  limits = 'failuresPerMinute: 10000',
  change: (bare: string) => void = () => undefined,
): Promise<Target> {
  const bare = repoOf(files)
  change(bare)
  gitServer.requireLogin('mgo', secrets.git)
  const temporary = join(root, 'tmp')
  mkdirSync(temporary)
  const config = join(root, 'mgo.server.yaml')
  writeFileSync(config, settings(limits))
  const repo = gitServer.url('gitops.git', { user: 'mgo', password: secrets.git })
  const env = { TMPDIR: temporary, MGO_CONFIG: config, HOOK_SECRET: secrets.hook, ...ids }
  const mgo = makeMgo({ repo, env })
  const token = async (name: string, scope: string) => {
    const made = await mgo.run('token', 'create', '--name', name, '--expires', '1h', '--scope', scope)
    assert.equal(made.code, 0, made.stderr)
    return made.stdout.trim()
  }
  const tokens = {
    web: await token('web', 'deploy,read,rollback cluster=my-prod source=github.com/acme/web image=**'),
    pay: await token('pay', 'deploy,read,rollback cluster=other-prod source=github.com/acme/pay image=**'),
    admin: await token('admin', 'admin cluster=** source=** image=**'),
  }
  const server = await mgo.serve('--log-level', 'debug')
  after(async () => {
    await server.kill()
    await gitServer.close()
    await registry.close()
    await issuer.close()
    mgo.remove()
    rmSync(root, { recursive: true, force: true })
  })
  const { url, pid } = server
  const commits = () => Number(git(bare, 'rev-list', '--count', 'main'))
  return {
    url,
    pid,
    bare,
    state: mgo.state,
    tokens,
    log: () => server.log(),
    run: (...args) => mgo.run(...args),
    commits,
  }
}

export type Said = { readonly status: number; readonly text: string; readonly headers: Headers }

/** One request; a body that is no text is sent as JSON. */
export async function ask(
  { url }: Pick<Target, 'url'>,
  path: string,
  { token, body, ...more }: Omit<RequestInit, 'body'> & { readonly token?: string; readonly body?: unknown } = {},
): Promise<Said> {
  const headers = new Headers(more.headers)
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  if (body !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json')
  const init = {
    ...more,
    headers,
    ...(body === undefined ? {} : { method: more.method ?? 'POST', body: bodyOf(body) }),
  }
  const answer = await fetch(`${url}${path}`, init)
  return { status: answer.status, text: await answer.text(), headers: answer.headers }
}

function bodyOf(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body)
}

/** A deploy of the one team. */
export const wish = {
  cluster: 'my-prod',
  source: 'github.com/acme/web',
  image: `${hooked}:v2`,
  author: 'Ada <ada@example.com>',
}

/** Makes an attack, and holds that nothing came of it but its answer. */
export async function harmless(target: Target, attack: () => Promise<void>): Promise<void> {
  const refs = () => git(target.bare, 'for-each-ref', '--format=%(refname) %(objectname)')
  const accepted = async () =>
    /^mgo_requests_accepted_total (\d+)$/m.exec(
      (await ask(target, '/metrics', { token: target.tokens.admin })).text,
    )?.[1]
  const before = [refs(), await accepted()]
  await attack()
  assert.deepEqual([refs(), await accepted()], before, 'no ref moved, and nothing was accepted')
  assert.equal(existsSync(canary), false, 'nothing was run')
  assert.deepEqual(readdirSync(join(root, 'tmp')), [], 'nothing lies about')
  assert.equal((await ask(target, '/healthz')).status, 200)
  const log = target.log()
  for (const [name, secret] of Object.entries({ ...secrets, ...target.tokens }))
    assert.ok(!log.includes(secret), `${name} is in the log`)
  // Text from outside reaches the log as JSON only: no line of its own, nothing for a terminal to obey.
  assert.doesNotMatch(log, /\u001b|\u009b|\u202e/)
}
