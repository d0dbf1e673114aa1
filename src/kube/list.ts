/**
 * Reads all of a selection, page by page.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
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

/** Lists all pages. Items get back the apiVersion and kind that a list leaves out. */
export async function listAll(http: Http, { path, query, what }: WatchPath, accept?: string): Promise<Listed> {
  const items: K8sObject[] = []
  let resourceVersion = ''
  let more: string | undefined
  do {
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
    for (const item of page.items ?? [])
      items.push({ ...item, apiVersion: item.apiVersion ?? page.apiVersion ?? '', kind: item.kind ?? kind })
    resourceVersion = page.metadata?.resourceVersion ?? ''
    more = page.metadata?.continue || undefined
  } while (more !== undefined)
  return { items, resourceVersion }
}
