/**
 * Who calls, and what they may do. An identity is verified before a body is read; what a body says of its sender is kept
 * as a claim and decides nothing.
 *
 * @module
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Wish } from '../access/grant.ts'
import type { AccessSettings } from '../access/issuer.ts'
import type { Principal } from '../access/principal.ts'
import { type TokenStore, tokenPrefix, tokenTrouble } from '../access/token.ts'
import { MgoError } from '../error.ts'
import type { Clock } from '../ports.ts'
import { type Caller, callers } from './caller.ts'
import { credentialOf, unauthorized } from './credentials.ts'
import type { FetchJson } from './keys.ts'
import { type JobVerifier, jobVerifier } from './oidc.ts'
import { limited, type Tries, tries } from './tries.ts'

/** What may change while a server runs. */
export type AccessState = {
  /** `undefined`: no identities are set up, and whoever reaches the server may do everything. */
  readonly settings: AccessSettings | undefined
  /** `undefined`: no static tokens are taken. */
  readonly tokens: TokenStore | undefined
  readonly limits: {
    readonly requestsPerMinute: number
    readonly failuresPerMinute: number
    readonly deliveriesPerMinute: number
  }
}

export type AccessOptions = AccessState & {
  readonly fetchJson: FetchJson
  readonly clock: Clock
  readonly warn: (text: string) => void
  /** Hears of what the policy does not allow. */
  readonly denied?: (principal: string, wish: Wish) => void
}

/** `over` ends when the request does. */
export type Visit = {
  readonly headers: IncomingHttpHeaders
  readonly address: string
  readonly over: AbortSignal
}

export type Access = {
  /** Who sends a request. Throws UNAUTHORIZED, FORBIDDEN, RATE_LIMITED, ISSUER_UNREACHABLE, OVERLOADED. */
  identify(visit: Visit): Promise<Caller>
  /** The caller behind a hook whose signature was verified. */
  hook(id: string): Caller
  /** What stands between a flood and the hooks. */
  readonly bounds: HookBounds
}

/** What throws, throws RATE_LIMITED. */
export type HookBounds = {
  /** Deliveries that one hook takes in a minute. */
  readonly perMinute: () => number
  /** A delivery that proves nothing costs its address one try; one that does gets through all the same. */
  failed(address: string): void
  /** A delivery that proves itself costs its hook one. */
  delivered(hook: string): void
}

/** `replace`: from now on other settings count, also for streams that are open. */
export type ChangingAccess = Access & { replace(next: AccessState): void }

/** Opens the access of a server. */
export function openAccess(options: AccessOptions): ChangingAccess {
  const { clock } = options
  let { settings, tokens, limits }: AccessState = options
  let jobs = jobVerifier(settings?.issuers ?? [], options)
  const make = callers(() => settings?.policy ?? [], clock, options.denied)
  const failures = tries(() => limits.failuresPerMinute, clock)
  const requests = tries(() => limits.requestsPerMinute, clock)
  const deliveries = tries(() => limits.deliveriesPerMinute, clock)
  const who = identifier({
    tokens: () => tokens,
    jobs: (text) => jobs(text),
    isTaken: (issuer) => settings?.issuers.some(({ name }) => name === issuer) === true,
    clock,
    failures,
  })
  return {
    identify: async (visit) => {
      if (settings === undefined) return make.anybody()
      const { principal, isGood } = await who(visit).catch((error: unknown) => {
        throw refused(error, visit, failures)
      })
      const caller = make.known(principal, { isGood, over: visit.over })
      within(requests.spend(caller.principal ?? ''), 'too many requests of this identity')
      return caller
    },
    hook: (id) => (settings === undefined ? make.anybody() : make.known({ kind: 'hook', id })),
    bounds: {
      perMinute: () => limits.deliveriesPerMinute,
      failed: (address) => within(failures.spend(address), 'too many wrong proofs from this address'),
      delivered: (hook) => within(deliveries.spend(hook), `too many deliveries to the hook ${hook}`),
    },
    replace(next) {
      // Keys that were read once survive an outage of their issuer: they are kept wherever nothing changed.
      if (JSON.stringify(next.settings?.issuers ?? []) !== JSON.stringify(settings?.issuers ?? []))
        jobs = jobVerifier(next.settings?.issuers ?? [], options)
      ;({ settings, tokens, limits } = next)
    },
  }
}

function within(waitMs: number, why: string): void {
  if (waitMs > 0) throw limited(why, waitMs)
}

/** `isGood`: whether the credential still counts. */
type Identity = { readonly principal: Principal; readonly isGood: () => Promise<boolean> }
type Identifying = {
  readonly tokens: () => TokenStore | undefined
  readonly jobs: JobVerifier
  /** Whether the tokens of an issuer are taken. */
  readonly isTaken: (issuer: string) => boolean
  readonly clock: Clock
  readonly failures: Tries
}

function identifier({ tokens, clock, failures, jobs, isTaken }: Identifying): (visit: Visit) => Promise<Identity> {
  const byToken = async (text: string): Promise<Identity> => {
    const record = await tokens()?.find(text, clock.now())
    const trouble = record === undefined ? 'unknown' : tokenTrouble(record, clock.now())
    if (record === undefined || trouble !== undefined) throw unauthorized(`the token is ${trouble ?? 'unknown'}`)
    const { name, scopes, author } = record
    const isGood = async () => {
      const now = await tokens()?.find(text, clock.now())
      return now !== undefined && tokenTrouble(now, clock.now()) === undefined
    }
    return { principal: { kind: 'token', name, scopes, author }, isGood }
  }
  return async ({ headers, address }) => {
    const credential = credentialOf(headers.authorization)
    if (credential === undefined) throw unauthorized('this server wants to know who calls')
    // Looking a token up is cheap, so a good one gets through even where somebody at the same address floods.
    if (credential.startsWith(tokenPrefix)) return byToken(credential)
    within(failures.wait(address), wrongOnes)
    const { principal, expiresAt } = await jobs(credential)
    return { principal, isGood: async () => clock.now() < expiresAt && isTaken(principal.issuer) }
  }
}

/** A wrong identity costs its address one try; none at all is no try. */
function refused(error: unknown, { address, headers }: Visit, failures: Tries): unknown {
  if (!(error instanceof MgoError) || error.code !== 'UNAUTHORIZED') return error
  if (headers.authorization === undefined) return error
  const waitMs = failures.spend(address)
  return waitMs > 0 ? limited(wrongOnes, waitMs) : error
}

const wrongOnes = 'too many wrong identities from this address'

/** Routes say in their config that they need no identity (`none`), or verify one of their own (`hook`). */
export type Needs = { readonly identity?: 'none' | 'hook' }

/** Identifies the sender of each request before its body is read. */
export function demandIdentity(app: FastifyInstance, access: Access): void {
  app.decorateRequest('caller')
  app.addHook('onRequest', async (request, reply) => {
    const { identity } = request.routeOptions.config as Needs
    if (identity !== undefined) return
    const over = new AbortController()
    // Without a reason of ours each abort would make an exception with its stack.
    reply.raw.once('close', () => over.abort('answered'))
    const { headers, ip: address } = request
    request.setDecorator('caller', await access.identify({ headers, address, over: over.signal }))
  })
}

/** On a route that needs no identity: whether the sender would be let in elsewhere. */
export async function isKnown({ headers, ip: address }: FastifyRequest, access: Access): Promise<boolean> {
  const over = AbortSignal.abort()
  return access.identify({ headers, address, over }).then(
    () => true,
    () => false,
  )
}

/** Who sends a request. Only for routes that need an identity. */
export function callerOf(request: FastifyRequest): Caller {
  return request.getDecorator<Caller>('caller')
}
