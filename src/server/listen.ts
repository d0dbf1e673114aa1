/**
 * Where a server listens, and who can reach it there. Nobody is let in from elsewhere without an identity, unless the
 * operator says in so many words that anybody may be.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { Names } from './guard.ts'

export type Listen = { readonly host: string; readonly port: number }

/**
 * Reads `HOST:PORT`.
 *
 * @throws MgoError CONFIG_INVALID
 */
export function parseListen(text: string): Listen {
  const found = /^(?:\[([0-9a-fA-F:]+)\]|([^:]*)):(\d{1,5})$/.exec(text)
  const host = found?.[1] ?? found?.[2] ?? ''
  const port = Number(found?.[3] ?? Number.NaN)
  if (found === null || port > 65_535)
    throw invalid(`${JSON.stringify(text)} is no address to listen on`, 'Write it as 127.0.0.1:8080.')
  return { host: host === '' ? '::' : host, port }
}

/** The address at which a server listens. For every address at once the framework names one of them: that would hide it. */
export function listenedAt(url: string, { host }: Listen): string {
  if (host !== '0.0.0.0' && host !== '::') return url
  const { protocol, port } = new URL(url)
  return `${protocol}//${host === '::' ? '[::]' : host}${port === '' ? '' : `:${port}`}`
}

export type Exposing = {
  readonly listen: Listen
  /** The address that callers use, where it is another. */
  readonly url: string | undefined
  /** `hooks`: only registries can prove who they are, which is enough off loopback and asks nobody on it. */
  readonly identities: 'needed' | 'hooks' | 'none'
  readonly insecureOpen: boolean
}

/** `warning` goes into every answer. `asks`: whether callers must prove who they are. */
export type Exposure = { readonly names: Names; readonly asks: boolean; readonly warning?: string }

/**
 * Under which names a server answers, and what it must warn of.
 *
 * @throws MgoError CONFIG_INVALID where anybody could deploy
 */
export function exposure({ listen, url, identities, insecureOpen }: Exposing): Exposure {
  const called = url === undefined ? undefined : new URL(url)
  const isNear = isLoopback(listen.host) && (called === undefined || isLoopback(called.hostname))
  const names = called !== undefined ? { alsoHost: called.host } : isNear ? 'loopback' : 'any'
  if (identities === 'needed' || (identities === 'hooks' && !isNear && !insecureOpen)) {
    if (!insecureOpen) return { names, asks: true }
    throw invalid('--insecure-open contradicts the identities of the settings', 'Leave one of them out.')
  }
  if (isNear && !insecureOpen) return { names, asks: false }
  if (insecureOpen)
    return { names, asks: false, warning: 'this server asks nobody who they are: whoever reaches it can deploy' }
  const where = called === undefined ? listen.host : called.host
  throw invalid(
    `mgo does not serve ${where} without identities: whoever reaches it could deploy`,
    'Add identities and a policy to the settings (docs/access.md), listen on 127.0.0.1, or try it out with --insecure-open.',
  )
}

function isLoopback(host: string): boolean {
  return /^(?:127(?:\.\d{1,3}){3}|localhost|\[?::1\]?)$/.test(host)
}

function invalid(message: string, hint: string): MgoError {
  return new MgoError({ code: 'CONFIG_INVALID', message, hint })
}
