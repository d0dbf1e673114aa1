/**
 * Reads JSON that anybody may have written: whatever it is, reading it gives a value or `undefined`, and never an error.
 * Only own properties count, so `__proto__` is a field like any other.
 *
 * @module
 */

/** Longer texts are none: no name, tag, host or id of any vendor comes near. */
const longest = 1_024

/** What stands at a path of keys. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value
  for (const key of path) {
    if (typeof here !== 'object' || here === null || Array.isArray(here) || !Object.hasOwn(here, key)) return undefined
    here = (here as Readonly<Record<string, unknown>>)[key]
  }
  return here
}

/** A text that is not empty. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path)
  return typeof found === 'string' && found !== '' && found.length <= longest ? found : undefined
}

/** A list; `undefined` where there is none. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] | undefined {
  const found = at(value, ...path)
  return Array.isArray(found) ? (found as readonly unknown[]) : undefined
}

/** The host, with its port, of an address or of an image; `undefined` where it has none. */
export function hostOf(text: string | undefined): string | undefined {
  const rest = text?.replace(/^[a-z]{1,10}:\/\//i, '')
  const host = rest?.split('/', 1)[0] ?? ''
  return /^[A-Za-z0-9.[\]:-]{1,300}$/.test(host) && /[.:]|^localhost$/.test(host) ? host : undefined
}

/** `host/path:tag@digest`, apart; what is not there is `undefined`. */
export function splitImage(text: string): { readonly name: string; readonly tag?: string; readonly digest?: string } {
  const at_ = text.indexOf('@')
  const digest = at_ < 0 ? undefined : text.slice(at_ + 1)
  const rest = at_ < 0 ? text : text.slice(0, at_)
  const colon = rest.lastIndexOf(':')
  const hasTag = colon > rest.lastIndexOf('/')
  return {
    name: hasTag ? rest.slice(0, colon) : rest,
    ...(hasTag ? { tag: rest.slice(colon + 1) } : {}),
    ...(digest === undefined ? {} : { digest }),
  }
}
