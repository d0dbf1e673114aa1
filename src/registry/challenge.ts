/**
 * What a registry wants to see before it answers: the header `WWW-Authenticate` (RFC 9110, section 11.6.1), as far as
 * registries use it.
 *
 * @module
 */

export type Challenge =
  | { readonly kind: 'basic' }
  | { readonly kind: 'bearer'; readonly realm: URL; readonly service: string | undefined }

/** Reads the first challenge that is understood. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  if (header === undefined || header.length > 4_096) return undefined
  if (/^basic\b/i.test(header)) return { kind: 'basic' }
  if (!/^bearer\s/i.test(header)) return undefined
  const fields = new Map<string, string>()
  for (const [, name = '', value = ''] of header.matchAll(/([a-z_]{1,30})="([^"]{0,2048})"/gi))
    fields.set(name.toLowerCase(), value)
  const realm = fields.get('realm')
  if (realm === undefined || !URL.canParse(realm)) return undefined
  return { kind: 'bearer', realm: new URL(realm), service: fields.get('service') }
}
