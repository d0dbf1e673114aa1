/**
 * Keeps web pages out. Whoever is on this machine may call; a browser on this machine carries pages from anywhere, and
 * those reach loopback too: by posting to it, or under a name of their own that they point at it (DNS rebinding).
 *
 * @module
 */
import type { IncomingHttpHeaders } from 'node:http'
import { MgoError } from '../error.ts'

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i

/** `any`: the server is meant to be called under names that it does not know, and wants to know who calls. */
export type Names = 'loopback' | 'any' | { readonly alsoHost: string }

/**
 * Lets pass what calls the server by a name of its own and is no page from elsewhere. Throws FORBIDDEN.
 *
 * @param host - as the caller wrote it, or as a trusted proxy says that they did
 */
export function keepOut(host: string | undefined, headers: IncomingHttpHeaders, names: Names): void {
  const { origin, 'sec-fetch-site': site } = headers
  // Only HTTP/1.0 comes without a host, and no browser speaks it.
  if (host !== undefined && host !== '' && !isOurs(host, names))
    throw forbidden('this server does not answer to that name', names)
  // A page of our own names this very host; `null` is what a sandboxed page says.
  const elsewhere = origin !== undefined && origin.replace(/^https?:\/\//, '') !== host
  if (elsewhere || site === 'cross-site' || site === 'same-site')
    throw forbidden('this server takes no requests from web pages', names)
}

function isOurs(host: string, names: Names): boolean {
  if (names === 'any' || loopback.test(host)) return true
  return names !== 'loopback' && host.toLowerCase() === names.alsoHost.toLowerCase()
}

function forbidden(message: string, names: Names): MgoError {
  return new MgoError({
    code: 'FORBIDDEN',
    message,
    hint:
      typeof names === 'string'
        ? 'Call it from a program, as http://127.0.0.1:PORT or http://localhost:PORT.'
        : `Call it from a program, as ${names.alsoHost}: its url in the settings.`,
  })
}
