/**
 * A token's scope as one line: `deploy,read cluster=my-prod source=github.com/acme/* image=ghcr.io/acme/*`.
 *
 * @module
 */
import { type Grant, type Verb, changes, verbs } from './grant.ts'
import { patternLimit } from './pattern.ts'

export type ParsedScope =
  | { readonly kind: 'ok'; readonly grant: Grant }
  | { readonly kind: 'refused'; readonly why: string }

const lists = { cluster: 'clusters', source: 'sources', image: 'images', release: 'releases' } as const
type Word = keyof typeof lists

/** Reads a scope. */
export function parseScope(text: string): ParsedScope {
  const [first = '', ...rest] = text.trim().split(/\s+/)
  const may = first.split(',')
  const strange = may.find((one) => !isVerb(one))
  if (strange !== undefined) return refused(`"${strange}" is no verb; verbs are ${verbs.join(', ')}`)
  const grant: { may: Verb[]; clusters: string[]; sources?: string[]; images?: string[]; releases?: string[] } = {
    may: may.filter(isVerb),
    clusters: [],
  }
  for (const part of rest) {
    const at = part.indexOf('=')
    const [word, value] = [part.slice(0, at), part.slice(at + 1)]
    if (at < 0 || !isWord(word)) return refused(`"${part}" is none of ${Object.keys(lists).join('=…, ')}=…`)
    const patterns = value.split(',')
    if (patterns.some((one) => one === '' || one.length > patternLimit)) return refused(`"${part}" names nothing`)
    ;(grant[lists[word]] ??= []).push(...patterns)
  }
  const why = gap(grant)
  return why === undefined ? { kind: 'ok', grant } : refused(why)
}

/** A scope as `parseScope` reads it. */
export function printScope(grant: Grant): string {
  const words = Object.entries(lists).flatMap(([word, list]) => {
    const patterns = grant[list]
    return patterns === undefined || patterns.length === 0 ? [] : [`${word}=${patterns.join(',')}`]
  })
  return [grant.may.join(','), ...words].join(' ')
}

/** What a grant must say and does not, or `undefined`: nothing is open because a word is missing. */
export function gap({ may, clusters, sources, images }: Grant): string | undefined {
  if (may.length === 0) return 'it names no verb'
  if (clusters.length === 0) return 'it names no cluster; "**" is all of them'
  const verb = may.find(changes)
  if (verb === undefined) return undefined
  if (sources === undefined || sources.length === 0) return `${verb} needs a source; "**" is all of them`
  if (images === undefined || images.length === 0) return `${verb} needs an image; "**" is all of them`
  return undefined
}

function isVerb(text: string): text is Verb {
  return verbs.some((one) => one === text)
}

function isWord(text: string): text is Word {
  return Object.hasOwn(lists, text)
}

function refused(why: string): ParsedScope {
  return { kind: 'refused', why }
}
