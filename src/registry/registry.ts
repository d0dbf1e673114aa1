/**
 * Asks registries which digest a tag has (distribution's API: a HEAD of the manifest, and its token flow). No redirect is
 * followed, and a password goes to its own registry, or to the host that the settings name for it, and nowhere else.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { isDigest } from '../release/image.ts'
import { type Challenge, parseChallenge } from './challenge.ts'
import { denied, unreachable } from './error.ts'
import { type Answer, type Ask, openWire, type Wire } from './wire.ts'

/** How to reach one registry. The password is read anew each time: mounted ones are rotated. */
export type RegistryLogin = {
  readonly username?: string | undefined
  readonly password?: (() => string | undefined) | undefined
  /** Another host that may be given the password for a token. */
  readonly auth?: string | undefined
  readonly plain?: boolean
}

export type Registries = {
  /**
   * The digest that a tag has now; `undefined` where there is no such tag.
   *
   * @throws MgoError REGISTRY_UNREACHABLE, REGISTRY_DENIED
   */
  digest(repository: string, tag: string): Promise<string | undefined>
  close(): Promise<void>
}

/** Senders of webhooks wait for ten seconds and less. */
const budgetMs = 9_000
const tries = 3
const manifests = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

/** Asked each time: settings change while a server runs. */
export type Logins = Pick<ReadonlyMap<string, RegistryLogin>, 'get'>

export type RegistriesOptions = {
  /** By host, in lower case. */
  readonly logins: Logins
  /** Sent as User-Agent. */
  readonly agent: string
  /** Milliseconds for one answer. */
  readonly timeoutMs?: number
}

/** Opens the way to registries. Nothing is sent yet. */
export function openRegistries({ logins, agent, timeoutMs = 5_000 }: RegistriesOptions): Registries {
  const wire = openWire(agent, timeoutMs)
  return {
    async digest(repository, tag) {
      const place = placeOf(repository, logins)
      const course: Course = { place, wire, signal: AbortSignal.timeout(budgetMs) }
      for (let turn = 1; ; turn++) {
        const answer = await look('HEAD', tag, course)
        if (answer.status === 200) return told(answer) ?? counted(await look('GET', tag, course), place)
        // A manifest may be announced a moment before it can be read everywhere.
        if (answer.status === 404 && turn > 1) return undefined
        if (!isPassing(answer.status) || turn >= tries) throw refusal(answer, place)
        await pause(answer, turn)
      }
    },
    close: () => wire.close(),
  }
}

type Place = {
  /** As people name it, and as the settings do. */
  readonly host: string
  readonly base: URL
  readonly path: string
  readonly login: RegistryLogin
}

type Course = { readonly place: Place; readonly wire: Wire; readonly signal: AbortSignal }

function placeOf(repository: string, logins: Logins): Place {
  const [first = '', ...rest] = repository.split('/')
  const isHost = rest.length > 0 && (/[.:[]/.test(first) || first === 'localhost')
  const host = isHost ? first.toLowerCase().replace(/^(?:index|registry-1)\.(?=docker\.io$)/, '') : 'docker.io'
  const bare = isHost ? rest.join('/') : repository
  const login = logins.get(host) ?? {}
  const scheme = login.plain === true ? 'http' : 'https'
  if (host !== 'docker.io') return { host, base: new URL(`${scheme}://${host}`), path: bare, login }
  const path = bare.includes('/') ? bare : `library/${bare}`
  return { host, base: new URL('https://registry-1.docker.io'), path, login: { auth: 'auth.docker.io', ...login } }
}

/** One look at a manifest, with whatever the registry asks for first. */
async function look(method: 'HEAD' | 'GET', tag: string, course: Course): Promise<Answer> {
  const { place, wire, signal } = course
  const url = new URL(`/v2/${place.path}/manifests/${tag}`, place.base)
  const ask: Ask = { method, url, accept: manifests, chosen: 'named', signal, host: place.host }
  const first = await wire.ask(ask)
  if (first.status !== 401) return first
  const challenge = parseChallenge(first.header('www-authenticate'))
  if (challenge === undefined) throw denied(place.host, 'it asks for a login in a way that is not understood')
  const authorization = await authorizationFor(challenge, course)
  return authorization === undefined ? first : wire.ask({ ...ask, authorization })
}

async function authorizationFor(challenge: Challenge, { place, wire, signal }: Course): Promise<string | undefined> {
  const basic = basicOf(place.login)
  if (challenge.kind === 'basic') return basic
  const { realm, service } = challenge
  const own = isOwn(realm, place)
  if (realm.protocol !== 'https:' && !(own && place.login.plain === true))
    throw denied(place.host, `it wants a token from ${realm.host} without TLS`)
  const url = new URL(realm)
  url.username = ''
  url.password = ''
  if (service !== undefined) url.searchParams.set('service', service)
  url.searchParams.set('scope', `repository:${place.path}:pull`)
  const answer = await wire.ask({
    method: 'GET',
    url,
    accept: 'application/json',
    chosen: own ? 'named' : 'told',
    signal,
    host: place.host,
    ...(own && basic !== undefined ? { authorization: basic } : {}),
  })
  if (answer.status === 401 || answer.status === 403) throw denied(place.host, `${url.host} gives no token for it`)
  if (answer.status !== 200) throw unreachable(place.host, `${url.host} answers ${answer.status} instead of a token`)
  const token = tokenOf(answer)
  if (token === undefined) throw unreachable(place.host, `${url.host} answers with no token`)
  return `Bearer ${token}`
}

/** The registry itself, what the settings name for it, or the domain that it lies in (registry.gitlab.com, gitlab.com). */
function isOwn({ host }: URL, { base, login }: Place): boolean {
  return (
    host === base.host || host === login.auth?.toLowerCase() || (host.includes('.') && base.host.endsWith(`.${host}`))
  )
}

function basicOf({ username, password }: RegistryLogin): string | undefined {
  const secret = password?.()
  return username === undefined || secret === undefined
    ? undefined
    : `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}`
}

function tokenOf({ body }: Answer): string | undefined {
  try {
    const read = JSON.parse(body.toString('utf8')) as {
      readonly token?: unknown
      readonly access_token?: unknown
    } | null
    const token = read?.token ?? read?.access_token
    return typeof token === 'string' && /^[\x21-\x7e]{1,16384}$/.test(token) ? token : undefined
  } catch {
    return undefined
  }
}

function told(answer: Answer): string | undefined {
  const digest = answer.header('docker-content-digest')
  return digest !== undefined && isDigest(digest) ? digest : undefined
}

/** The digest of the bytes themselves, for a registry that does not say it. */
function counted(answer: Answer, { host }: Place): string {
  if (answer.status !== 200) throw unreachable(host, `it answers ${answer.status} to a GET and 200 to a HEAD`)
  const digest = `sha256:${createHash('sha256').update(answer.body).digest('hex')}`
  const said = told(answer)
  if (said !== undefined && said !== digest) throw unreachable(host, 'the manifest is not what its digest says')
  return digest
}

function isPassing(status: number): boolean {
  return status === 404 || status === 429 || status >= 500
}

function refusal({ status }: Answer, { host, path }: Place): Error {
  if (status === 401 || status === 403) return denied(host, `it does not let mgo read ${path}`)
  return unreachable(
    host,
    status >= 300 && status < 400 ? 'it answers with a redirect, which is not followed' : `it answers ${status}`,
  )
}

function pause(answer: Answer, turn: number): Promise<void> {
  const asked = Number(answer.header('retry-after') ?? 0) * 1000
  const ms = Math.min(3_000, Math.max(Number.isFinite(asked) ? asked : 0, 200 * 2 ** turn))
  return new Promise((resolve) => setTimeout(resolve, ms))
}
