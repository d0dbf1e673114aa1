/**
 * Reads all of a selection, page by page.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { isRecord, strange } from './body.ts'
import type { Http } from './http.ts'

/** A path without query, and the selectors as query. */
export type WatchPath = { readonly path: string; readonly query: URLSearchParams; readonly what: string }

export type Listed = { readonly items: readonly K8sObject[]; readonly resourceVersion: string }
type Page = {
  readonly apiVersion?: string
  readonly kind?: string
  readonly items?: readonly K8sObject[]
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
}

const pageSize = 500
/** Half a million objects: a server that always has one more page is none. */
const mostPages = 1_000

/** Lists all pages. Items get back the apiVersion and kind that a list leaves out. */
export async function listAll(http: Http, { path, query, what }: WatchPath, accept?: string): Promise<Listed> {
  const items: K8sObject[] = []
  let resourceVersion = ''
  let more: string | undefined
  let pages = 0
  do {
    if (++pages > mostPages) throw strange(`${what}: it has no last page`)
    const asked = new URLSearchParams(query)
    asked.set('limit', String(pageSize))
    if (more !== undefined) asked.set('continue', more)
    const page = await http.json<Page>({
      method: 'GET',
      path: `${path}?${asked.toString()}`,
      what,
      ...(accept === undefined ? {} : { accept }),
    })
    const kind = (page.kind ?? '').replace(/List$/, '')
    for (const item of itemsOf(page, what))
      items.push({ ...item, apiVersion: item.apiVersion ?? page.apiVersion ?? '', kind: item.kind ?? kind })
    resourceVersion = page.metadata?.resourceVersion ?? ''
    more = page.metadata?.continue || undefined
  } while (more !== undefined)
  return { items, resourceVersion }
}

function itemsOf({ items = [] }: Page, what: string): readonly K8sObject[] {
  const all: unknown = items ?? []
  if (Array.isArray(all) && all.every((item) => isRecord(item) && isRecord(item['metadata']))) return all as K8sObject[]
  throw strange(`${what}: what it lists are no objects`)
}
