/**
 * A server's door for hooks, with a real desk and a real journal behind it. Only the deployer is none: it writes down
 * what it was asked, and answers when it is told to.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { MgoError } from '../../src/error.ts'
import { type OpenJournal, openJournal } from '../../src/journal/journal.ts'
import type { DeployRequest } from '../../src/release/request.ts'
import type { Hook } from '../../src/request/hook.ts'
import { buildApp } from '../../src/server/app.ts'
import type { Access, HookBounds } from '../../src/server/auth.ts'
import { type Desk, openDesk } from '../../src/server/desk.ts'
import { deliverer } from '../../src/server/hook-deliver.ts'
import type { DeliverOptions } from '../../src/server/hook-take.ts'
import type { VerifyToken } from '../../src/server/hook-proof.ts'
import { openHub } from '../../src/server/hub.ts'
import { patience } from '../../src/server/patience.ts'
import { clock } from '../clock.ts'
import { unwatched } from '../overview.ts'

export const id = 'an-id-that-nobody-guesses'
/** One is valid, and the other is going to be. */
export const [secret, next] = ['the secret of this hook', 'the secret that follows']
/** The token that the issuer of the tests has signed. */
export const goodToken = 'aaaa.bbbb.cccc'

/** A hook brings its own proof, so nobody else gets in. */
const noTokens: Access = {
  identify: () => Promise.reject(new MgoError({ code: 'UNAUTHORIZED', message: 'a token was wanted', hint: '' })),
  hook: () => {
    throw new Error('no policy was asked for')
  },
  bounds: { perMinute: () => 600, failed: () => undefined, delivered: () => undefined },
}

const folder = mkdtempSync(join(tmpdir(), 'mgo-hooks-'))

export type Office = {
  readonly desk: Desk
  readonly journal: OpenJournal
  /** What the deployer was asked, in its order. */
  readonly asked: DeployRequest[]
  close(): void
}

/** Opens a desk over a journal; two of the same file, one after the other, are a server before and after a crash. */
async function openOffice(file = 'journal.sqlite', work?: Promise<unknown>): Promise<Office> {
  const asked: DeployRequest[] = []
  const journal = openJournal(join(folder, file))
  const desk = openDesk({
    deployer: {
      deploy: async (request) => {
        asked.push(request)
        await work
        const { id: of, cluster } = request
        return { id: of, cluster, verdict: 'unchanged', releases: [], timing: { acceptedMs: 0 } }
      },
      withdraw: () => 'unknown',
      close: async () => undefined,
    },
    memory: journal,
    clock,
    warn: () => undefined,
    tell: () => undefined,
    deploys: {},
    limits: { requests: 100_000, bytes: 1_000_000_000 },
  })
  await desk.resume()
  return { desk, journal, asked, close: () => journal.close() }
}

export const office = await openOffice()
const hub = openHub({ memory: office.journal, waits: patience(clock), warn: () => undefined })
const apps: FastifyInstance[] = []
after(async () => {
  for (const app of apps) await app.close()
  office.close()
  rmSync(folder, { recursive: true, force: true })
})

const knowsGoodToken: VerifyToken = async (token) =>
  token === goodToken ? { kind: 'ok', subject: 'pubsub' } : { kind: 'refused', why: 'it is not signed' }

/** A hook at the address `id`, with everything that proves something. */
export function hookOf(vendor: string, more: Partial<Hook> = {}): Hook {
  const ids = [createHash('sha256').update(id).digest('hex')]
  const oidc = { issuer: 'https://accounts.example.com', audience: 'mgo' }
  return { name: vendor, vendor, ids, secrets: [secret, next], oidc, registry: undefined, images: [], ...more }
}

/** What a door is opened with; by default whatever is asked for is allowed, and the repo is empty. */
export type DoorOptions = Partial<DeliverOptions> & {
  readonly hooks: readonly Hook[]
  readonly moved?: (branches: readonly string[]) => string | undefined
  readonly verify?: VerifyToken
  readonly warn?: (text: string) => void
  readonly bounds?: HookBounds
  readonly now?: () => number
}

/** Opens a door. */
export function openDoor({ hooks, moved, verify, warn, bounds, now, ...more }: DoorOptions): FastifyInstance {
  const pushes = deliverer({
    accept: (asking, once) => office.desk.accept(asking, once),
    open: (cluster, source) => office.journal.openTags(cluster, source),
    stamp: (_, asked) => asked,
    digest: async () => undefined,
    current: async () => [],
    hold: () => Promise.reject(new Error('nothing is held here')),
    pinned: async () => undefined,
    overtaken: async () => undefined,
    hook: () => undefined,
    ...more,
  })
  const app = buildApp({
    desk: office.desk,
    hub,
    overview: unwatched,
    memory: office.journal,
    access: noTokens,
    exposure: { names: 'loopback' },
    version: 'test',
    hide: (value) => value,
    metrics: { text: async () => '', http: () => undefined },
    trail: (wanted) => office.journal.trail.page(wanted),
    ready: async () => undefined,
    warn: warn ?? (() => undefined),
    webhooks: {
      hooks: () => hooks,
      bounds: bounds ?? noTokens.bounds,
      verify: verify ?? knowsGoodToken,
      deliver: (told) => pushes.deliver(told),
      held: office.journal.held,
      moved: moved ?? (() => undefined),
      now: now ?? (() => Date.now()),
    },
  })
  apps.push(app)
  return app
}
