/**
 * An issuer of identity tokens on loopback: real keys, real discovery, real signatures, with faults on request.
 *
 * @module
 */
import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'

type Pair = { readonly kid: string; readonly privateKey: CryptoKey; readonly jwk: JWK }

export type Issuer = {
  readonly url: string
  /** Signs claims; the usual ones are there unless told otherwise (`undefined` takes one out). */
  sign(claims?: JWTPayload, header?: Readonly<Record<string, unknown>>): Promise<string>
  /** What a good token claims. */
  usual(): JWTPayload
  /** The public key in use, as PEM would be known to an attacker. */
  publicJwk(): JWK
  /** New keys; the old ones are withdrawn. */
  rotate(): Promise<void>
  /** From now on every request is answered with 503, or no more. */
  outage(isDown: boolean): void
  /** What the discovery document says of the place of the keys. */
  keysAt(url: string): void
  /** Paths that were asked for. */
  readonly asked: string[]
  close(): Promise<void>
}

async function pair(kid: string): Promise<Pair> {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' } }
}

/** A part of a token, of JSON or of a text that may be none. */
export function encode(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

/** A token whose signature is made with a shared key, as its header may say or not. */
export function signedWith(key: string, header: unknown, claims: unknown): string {
  const text = `${encode(header)}.${encode(claims)}`
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`
}

/** Starts an issuer; tokens are for `audience`. */
export async function startIssuer(audience: string): Promise<Issuer> {
  let current = await pair('key-1')
  let isDown = false
  let place: string | undefined
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    if (isDown) return response.writeHead(503).end()
    const found: Readonly<Record<string, unknown>> = {
      '/.well-known/openid-configuration': { issuer: url, jwks_uri: place ?? `${url}/keys` },
      '/keys': { keys: [current.jwk] },
    }
    const body = found[request.url ?? '']
    return response.writeHead(body === undefined ? 404 : 200).end(JSON.stringify(body ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const usual = () => {
    const now = Math.floor(Date.now() / 1000)
    return { iss: url, aud: audience, sub: 'repo:acme/web:ref:refs/heads/main', iat: now, exp: now + 300 }
  }
  return {
    url,
    asked,
    usual,
    publicJwk: () => current.jwk,
    sign: async (claims = {}, header = {}) => {
      const given = Object.entries({ ...usual(), ...claims }).filter(([, value]) => value !== undefined)
      return new SignJWT(Object.fromEntries(given))
        .setProtectedHeader({ alg: 'RS256', kid: current.kid, ...header })
        .sign(current.privateKey)
    },
    rotate: async () => {
      current = await pair(`key-${Number(current.kid.slice(4)) + 1}`)
    },
    outage: (down) => {
      isDown = down
    },
    keysAt: (where) => {
      place = where
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
