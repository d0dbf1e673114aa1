/**
 * JSON from an address of the settings: no redirects, bounded in size and time, never from a link-local address, where
 * clouds keep the machine's own credentials.
 *
 * @module
 */
import { lookup as resolveName } from 'node:dns'
import { isIP } from 'node:net'
import { Agent, request } from 'undici'

const timeoutMs = 10_000
const largest = 512 * 1024

const linkLocal = /^(?:169\.254\.|(?:::ffff:)?169\.254\.|fe[89ab][0-9a-f]:)/i

// Looked at after the name is resolved: a name can point anywhere, and somewhere else a moment later.
const agent = new Agent({
  connectTimeout: timeoutMs,
  connect: {
    lookup: (name, options, done) => {
      resolveName(name, options, (error, addresses, family) => {
        const list = typeof addresses === 'string' ? [addresses] : (addresses ?? []).map(({ address }) => address)
        if (error === null && list.some((one) => linkLocal.test(one)))
          return done(new Error(`${name} is a link-local address`), [])
        done(error, addresses, family)
      })
    },
  },
})

/** Reads it. Rejects with a plain sentence. */
export async function fetchJson(url: string): Promise<unknown> {
  const hostname = new URL(url).hostname.replace(/^\[|\]$/g, '')
  if (isIP(hostname) !== 0 && linkLocal.test(hostname)) throw new Error(`${hostname} is a link-local address`)
  const { statusCode, body } = await request(url, {
    dispatcher: agent,
    headers: { accept: 'application/json', 'user-agent': 'mgo' },
    signal: AbortSignal.timeout(timeoutMs),
  })
  const text = await bounded(body, url)
  if (statusCode !== 200) throw new Error(`${url} answers ${statusCode}`)
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new Error(`${url} answers with something that is no JSON`)
  }
}

async function bounded(body: AsyncIterable<Uint8Array>, url: string): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of body) {
    size += part.length
    if (size > largest) throw new Error(`${url} answers with over 512 KiB`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
