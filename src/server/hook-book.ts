/**
 * Which hook an address means.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { Hook, Vendor } from '../request/hook.ts'
import { vendorOf } from '../request/hook-vendors.ts'

export type Found = { readonly hook: Hook; readonly vendor: Vendor }

/** Finds the hook of an address among those of the moment: the book is made anew when they are others. */
export function addressBook(hooks: () => readonly Hook[]): (vendor: string, id: string) => Found | undefined {
  let [of, book] = [hooks(), addresses(hooks())]
  return (vendor, id) => {
    if (of !== hooks()) [of, book] = [hooks(), addresses(hooks())]
    return book.get(`${vendor}/${createHash('sha256').update(id).digest('hex')}`)
  }
}

/** By vendor and hash of the last path segment: a look-up by a hash tells nothing about what was hashed. */
function addresses(hooks: readonly Hook[]): ReadonlyMap<string, Found> {
  const found = new Map<string, Found>()
  for (const hook of hooks) {
    const vendor = vendorOf(hook.vendor)
    if (vendor === undefined) throw new Error(`a hook of the unknown vendor ${hook.vendor}`)
    for (const id of hook.ids) found.set(`${hook.vendor}/${id}`, { hook, vendor })
  }
  return found
}
