/**
 * Secrets out of a diff: by kind (the data of a Secret), and by value (whatever a Secret holds, wherever else it shows).
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'

/** Shorter values are words such as `true` or `admin`, which would take half the text with them. */
const shortest = 6

/** A value as people may see it: whether it changed shows, what it is does not. */
function hidden(value: unknown, changed: boolean): string {
  return `*** (${String(value).length} characters${changed ? ', changed' : ''})`
}

export type Pair = { readonly before: K8sObject | undefined; readonly after: K8sObject | undefined }

/** Masks the two sides of one object. */
export function mask({ before, after }: Pair, values: readonly string[]): Pair {
  const isSecret = (before ?? after)?.kind === 'Secret'
  const side = (object: K8sObject | undefined, older: K8sObject | undefined) => {
    if (object === undefined) return undefined
    return replaced(isSecret ? withoutData(object, older) : object, values) as K8sObject
  }
  // Only the new side says that a value changed, so that the two sides differ where the values do.
  return { before: side(before, undefined), after: side(after, before) }
}

function withoutData(object: K8sObject, older: K8sObject | undefined): K8sObject {
  const cover = (field: 'data' | 'stringData') => {
    const data = object[field] as Readonly<Record<string, unknown>> | undefined
    const before = older?.[field] as Readonly<Record<string, unknown>> | undefined
    if (data === undefined || data === null) return {}
    const covered = Object.entries(data).map(([key, value]) => [
      key,
      hidden(value, older !== undefined && before?.[key] !== value),
    ])
    return { [field]: Object.fromEntries(covered) as unknown }
  }
  const { annotations, ...metadata } = object.metadata
  const kept = Object.entries(annotations ?? {}).filter(
    ([key]) => key !== 'kubectl.kubernetes.io/last-applied-configuration',
  )
  return {
    ...object,
    metadata: { ...metadata, ...(kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) }) },
    ...cover('data'),
    ...cover('stringData'),
  }
}

function replaced(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return secrets.reduce((text, secret) => text.replaceAll(secret, '***'), value)
  if (Array.isArray(value)) return value.map((one) => replaced(one, secrets))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, replaced(one, secrets)]))
}

/** The values that Secrets hold, plain and in base64, the longest first. */
export function secretValues(objects: readonly (K8sObject | undefined)[]): readonly string[] {
  const found = new Set<string>()
  for (const object of objects) {
    if (object?.kind !== 'Secret') continue
    for (const field of ['data', 'stringData'] as const)
      for (const value of Object.values((object[field] as object | undefined) ?? {}))
        if (typeof value === 'string')
          for (const one of field === 'data' ? [value, decoded(value)] : [value]) found.add(one)
  }
  return [...found].filter((one) => one.length >= shortest).toSorted((a, b) => b.length - a.length)
}

/** What Secrets hold, but for what is the name of an object beside them: that stands everywhere, and verdicts need it. */
export function secretTexts(objects: readonly K8sObject[]): readonly string[] {
  const names = new Set(objects.flatMap(({ metadata }) => [metadata.name, metadata.namespace ?? '']))
  return secretValues(objects).filter((one) => !names.has(one))
}

function decoded(base64: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)))
  } catch {
    return ''
  }
}
