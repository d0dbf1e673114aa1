/**
 * The payloads beside this file: `VENDOR.NAME.json` holds headers and body as the vendor sends them, and what must be
 * heard. They are what is known of the vendors; the tests are made of them.
 *
 * @module
 */
import { createHmac } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Heard, Proof } from '../../src/request/hook.ts'
import { goodToken } from './door.ts'

export type Golden = {
  readonly vendor: string
  readonly name: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  readonly heard: Heard
}

export const golden: readonly Golden[] = globSync('*.json', { cwd: import.meta.dirname })
  .sort()
  .map((file) => {
    const read = JSON.parse(readFileSync(join(import.meta.dirname, file), 'utf8')) as Omit<Golden, 'vendor' | 'name'>
    const [vendor = '', ...name] = file.replace(/\.json$/, '').split('.')
    return { ...read, vendor, name: name.join('.') }
  })

/** The headers that prove a body in one of the ways a vendor has. */
export function proof(shown: Proof, body: string | Buffer, secret: string): Record<string, string> {
  switch (shown.kind) {
    case 'path':
      return {}
    case 'header':
      return { [shown.names[0] ?? '']: secret }
    case 'hmac':
      return { [shown.header]: shown.prefix + createHmac(shown.algorithm, secret).update(body).digest('hex') }
    case 'oidc':
      return { authorization: `Bearer ${secret === '' ? 'no' : goodToken}` }
    case 'standard': {
      const time = String(Math.floor(Date.now() / 1000))
      const signature = createHmac('sha256', secret).update(`msg_1.${time}.`).update(body).digest('base64')
      return { 'webhook-id': 'msg_1', 'webhook-timestamp': time, 'webhook-signature': `v1,${signature}` }
    }
  }
}
