/**
 * What a caller shows to be let in: `Authorization: Bearer …`, or the same as the password of HTTP Basic, because old CI
 * files know only `curl --user`.
 *
 * @module
 */
import { MgoError } from '../error.ts'

/** The token of a header; `undefined` where there is no header. Throws UNAUTHORIZED for one that cannot be read. */
export function credentialOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined
  const [, scheme = '', value = ''] = /^([A-Za-z]+) +([\x21-\x7e]+)$/.exec(authorization) ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return value
    case 'basic': {
      const pair = Buffer.from(value, 'base64').toString('latin1')
      const password = pair.slice(pair.indexOf(':') + 1)
      if (pair.includes(':') && password !== '') return password
      throw unauthorized('HTTP Basic came without a password')
    }
    default:
      throw unauthorized('the Authorization header cannot be read')
  }
}

/** 401, with what to do. */
export function unauthorized(message: string): MgoError {
  return new MgoError({
    code: 'UNAUTHORIZED',
    message,
    hint: 'Send "Authorization: Bearer TOKEN", or curl --user any:TOKEN; docs/access.md says where tokens come from.',
  })
}
