/**
 * Whether a delivery comes from where it says: looked at over the raw bytes, before anything in them is read. Every
 * comparison takes the same time wherever the difference is, and all valid secrets are tried whichever fits.
 *
 * @module
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Delivery, Hook, HookIssuer, Proof, Vendor } from '../request/hook.ts'

/** Checks a token of an issuer: signature, issuer, audience, times; with `email`, that it is this one and verified. */
export type VerifyToken = (
  token: string,
  want: HookIssuer,
) => Promise<{ readonly kind: 'ok'; readonly subject: string } | { readonly kind: 'refused'; readonly why: string }>

/** What came in, unread. */
export type Raw = { readonly headers: Delivery['headers']; readonly body: Uint8Array; readonly atMs: number }

export type Proving = { readonly hook: Hook; readonly vendor: Vendor; readonly verify: VerifyToken }

/** How it was proven, for people: `hmac-sha256`, `its address`; `undefined` where it was not. */
export async function proven(raw: Raw, { hook, vendor, verify }: Proving): Promise<string | undefined> {
  for (const proof of vendor.proofs) {
    if (proof.kind === 'path') return 'its address'
    const shown = await show(proof, raw, { hook, verify })
    if (shown !== undefined) return shown
  }
  return undefined
}

async function show(
  proof: Exclude<Proof, { kind: 'path' }>,
  raw: Raw,
  { hook, verify }: Omit<Proving, 'vendor'>,
): Promise<string | undefined> {
  switch (proof.kind) {
    case 'header':
      return proof.names.some((name) => anyOf(hook.secrets, (one) => isSecret(raw.headers[name], one)))
        ? 'a secret header'
        : undefined
    case 'hmac': {
      const { algorithm, prefix } = proof
      const told = raw.headers[proof.header]
      if (told === undefined || !told.startsWith(prefix)) return undefined
      const hex = told.slice(prefix.length).toLowerCase()
      const good = anyOf(hook.secrets, (one) => same(hex, createHmac(algorithm, one).update(raw.body).digest('hex')))
      return good ? `hmac-${algorithm}` : undefined
    }
    case 'standard':
      return anyOf(hook.secrets, (one) => isStandard(raw, one)) ? 'a signature' : undefined
    case 'oidc': {
      const token = /^Bearer ([A-Za-z0-9_.-]{1,16384})$/.exec(raw.headers['authorization'] ?? '')?.[1]
      if (token === undefined || hook.oidc === undefined) return undefined
      const verified = await verify(token, hook.oidc)
      return verified.kind === 'ok' ? `oidc ${hook.oidc.issuer} ${word(verified.subject)}` : undefined
    }
  }
}

/** It stands in a line of a commit's message. */
function word(text: string): string {
  return text.slice(0, 200).replace(/[^\x21-\x7e]+/g, '_')
}

/** Looks at every secret, also after one fits. */
function anyOf(secrets: readonly string[], fits: (secret: string) => boolean): boolean {
  return secrets.map(fits).includes(true)
}

function isSecret(told: string | undefined, secret: string): boolean {
  const bare = told?.replace(/^Bearer /, '') ?? ''
  return [told ?? '', bare].map((one) => same(one, secret)).includes(true)
}

const toleranceMs = 5 * 60 * 1000

/** github.com/standard-webhooks: `v1,` and a base64 HMAC-SHA256 over id, time and body; several, by spaces. */
function isStandard({ headers, body, atMs }: Raw, secret: string): boolean {
  const [id, time, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => headers[name])
  if (id === undefined || time === undefined || signatures === undefined || !/^\d{1,12}$/.test(time)) return false
  if (Math.abs(atMs - Number(time) * 1000) > toleranceMs) return false
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret
  const want = createHmac('sha256', key).update(`${id}.${time}.`).update(body).digest('base64')
  return signatures
    .split(' ', 10)
    .map((one) => same(one, `v1,${want}`))
    .includes(true)
}

/** In the same time for every pair of texts of these lengths. */
function same(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
