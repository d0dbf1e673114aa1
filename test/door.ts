/**
 * A server that listens, with a policy, static tokens and an issuer of identity tokens on loopback. What lies behind the
 * desk is a deployer that only writes down what it was asked.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Rule } from '../src/access/policy.ts'
import { parseScope } from '../src/access/scope.ts'
import { fetchJson } from '../src/config/fetch-json.ts'
import { openJournal } from '../src/journal/journal.ts'
import { openTokens } from '../src/journal/tokens.ts'
import type { DeployRequest } from '../src/release/request.ts'
import type { Verdict } from '../src/release/verdict.ts'
import { buildApp } from '../src/server/app.ts'
import { openAccess } from '../src/server/auth.ts'
import { denials } from '../src/server/denials.ts'
import { openDesk } from '../src/server/desk.ts'
import { openHub } from '../src/server/hub.ts'
import { patience } from '../src/server/patience.ts'
import { clock as real } from './clock.ts'
import { startIssuer } from './issuer.ts'
import { file, watch } from './overview.ts'

export const audience = 'https://mgo.example.com'
const folder = mkdtempSync(join(tmpdir(), 'mgo-access-'))
export const issuer = await startIssuer(audience)
export const store = openTokens(join(folder, 'tokens.sqlite'))

let aheadMs = 0
/** Puts the clock of the server forward. */
export function putForward(ms: number): void {
  aheadMs = ms
}
const clock = { ...real, now: () => real.now() + aheadMs }

/** What the deployer was asked. */
export const asked: DeployRequest[] = []
const verdictOf = ({ id, cluster }: DeployRequest): Verdict =>
  cluster === 'nowhere'
    ? {
        id,
        cluster,
        verdict: 'refused',
        releases: [],
        problem: { code: 'CLUSTER_UNKNOWN', message: 'no such cluster', hint: 'It has: other-prod.' },
        timing: { acceptedMs: 0 },
      }
    : { id, cluster, verdict: 'unchanged', releases: [], timing: { acceptedMs: 0 } }
const journal = openJournal(join(folder, 'journal.sqlite'))
const waits = patience(clock)
export const hub = openHub({ memory: journal, waits, warn: () => undefined, beatMs: 200 })
const desk = openDesk({
  deployer: {
    deploy: async (request) => {
      asked.push(request)
      return verdictOf(request)
    },
    withdraw: () => 'unknown',
    close: async () => undefined,
  },
  memory: journal,
  clock,
  warn: () => undefined,
  tell: () => undefined,
  deploys: {},
  limits: { requests: 1_000, bytes: 1_000_000 },
})
await desk.resume()

/** What the clusters are said to be. */
export const watched = await watch({
  'installations/my-prod/web-values.yaml': file('web'),
  'installations/my-prod/other-values.yaml': file('other'),
  'installations/my-prod/network-raw.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: network }\n',
  'installations/other-prod/web-values.yaml': file('web'),
})
watched.commit({ 'installations/my-prod/web-values.yaml': file('web', 'v2') }, 'Deploy: ghcr.io/acme/web:v2')

const web = { sources: ['github.com/acme/web'], images: ['ghcr.io/acme/web'] }
const policy: readonly Rule[] = [
  {
    name: 'web from main',
    who: {
      issuer: 'ci',
      claims: { repository_id: ['4711'], ref: ['refs/heads/main'], job_workflow_ref: ['acme/ci/deploy.yml@**'] },
    },
    may: ['deploy'],
    clusters: ['my-prod', 'nowhere'],
    ...web,
    releases: ['app/web'],
  },
  { name: 'people', who: { token: 'ops' }, may: ['admin'], clusters: ['**'], sources: ['**'], images: ['**'] },
]

type Door = { readonly url: string; readonly close: () => Promise<void> }
const doors: Door[] = []

/** Opens one more, with limits of its own. */
export async function open(
  limits = { requestsPerMinute: 1_000, failuresPerMinute: 1_000, deliveriesPerMinute: 1_000 },
  jwks?: string,
): Promise<string> {
  const one = { name: 'ci', issuer: issuer.url, audiences: [audience], algorithms: ['RS256', 'ES256'], jwks }
  const access = openAccess({
    settings: { issuers: [{ ...one, claims: {}, leewayMs: 30_000, maxAgeMs: 3_600_000 }], policy },
    tokens: store,
    fetchJson,
    clock,
    warn: () => undefined,
    denied: denials({ add: (entry) => journal.trail.add(entry), now: clock.now, warn: () => undefined }),
    limits,
  })
  const app = buildApp({
    desk,
    hub,
    overview: watched.overview,
    memory: journal,
    access,
    exposure: { names: 'loopback' },
    version: '0',
    hide: (value) => value,
    metrics: { text: async () => '', http: () => undefined },
    trail: (wanted) => journal.trail.page(wanted),
    warn: () => undefined,
    ready: async () => undefined,
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  doors.push({ url, close: () => app.close() })
  return url
}

export const server = await open()
after(async () => {
  for (const door of doors) await door.close()
  await issuer.close()
  waits.end()
  await hub.idle()
  journal.close()
  store.close()
  await watched.close()
  rmSync(folder, { recursive: true })
})

export const wish = { cluster: 'my-prod', source: 'github.com/acme/web', image: 'ghcr.io/acme/web:v1' }
export const good = {
  repository_id: '4711',
  ref: 'refs/heads/main',
  job_workflow_ref: 'acme/ci/deploy.yml@refs/heads/main',
}

type Said = { readonly status: number; readonly body: Readonly<Record<string, unknown>>; readonly headers: Headers }

/** Sends a deploy, with a bearer token or a whole Authorization header. */
export async function post(token: string | undefined, body: unknown = wish, url = server): Promise<Said> {
  const response = await fetch(`${url}/v1/deploys?wait=10s`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: token.includes(' ') ? token : `Bearer ${token}` }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Said['body'], headers: response.headers }
}

/** Makes a static token. */
export async function token(name: string, ...scopes: string[]): Promise<string> {
  const text = await store.create({
    name,
    scopes: scopes.map((scope) => {
      const read = parseScope(scope)
      assert.ok(read.kind === 'ok')
      return read.grant
    }),
    author: name === 'ada' ? 'Ada <ada@example.com>' : undefined,
    createdAt: Date.now(),
    expiresAt: Date.now() + 3_600_000,
  })
  assert.ok(text !== undefined)
  return text
}
export const scope = 'deploy cluster=my-prod source=github.com/acme/web image=ghcr.io/acme/web'
export const ci = await token('ci', scope)
export const ops = await token('ops')
