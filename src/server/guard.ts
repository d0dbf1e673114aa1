/**
 * Keeps web pages out. Whoever is on this machine may call; a browser on this machine carries pages from anywhere, and
 * those reach loopback too: by posting to it, or under a name of their own that they point at it (DNS rebinding).
 *
 * @module
 */
import type { IncomingHttpHeaders } from 'node:http'
import { MgoError } from '../error.ts'

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i

/** Lets pass what calls loopback by its own name and is no page from elsewhere. Throws FORBIDDEN. */
export function keepOut({ host, origin, 'sec-fetch-site': site }: IncomingHttpHeaders): void {
  // Only HTTP/1.0 comes without a host, and no browser speaks it.
  if (host !== undefined && !loopback.test(host)) throw forbidden('this server answers to loopback names only')
  // A page of our own names this very host; `null` is what a sandboxed page says.
  const elsewhere = origin !== undefined && origin.replace(/^https?:\/\//, '') !== host
  if (elsewhere || site === 'cross-site' || site === 'same-site')
    throw forbidden('this server takes no requests from web pages')
}

function forbidden(message: string): MgoError {
  return new MgoError({
    code: 'FORBIDDEN',
    message,
    hint: 'Call it from a program, as http://127.0.0.1:PORT or http://localhost:PORT.',
  })
}
