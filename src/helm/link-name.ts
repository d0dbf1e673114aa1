/**
 * Names that lead to the machine's own link, where clouds hand out credentials: looked up before helm, which resolves names
 * by itself, is told to call one.
 *
 * @module
 */
import { lookup as lookUp } from 'node:dns/promises'
import { isIPv6 } from 'node:net'
import { MgoError } from '../error.ts'
import { isLinkAddress } from '../manifest/inner-address.ts'

export type Address = { readonly address: string; readonly family: number }
export type Lookup = (name: string) => Promise<readonly Address[]>

/** The addresses of a host. Throws CHART_UNAVAILABLE where any is one of them, and what `lookup` throws. */
export async function addressesOf(hostname: string, lookup: Lookup = everyAddress): Promise<readonly Address[]> {
  const found = await lookup(hostname.replace(/^\[|\]$/g, ''))
  const bad = found.find(({ address }) => isLinkAddress(`http://${isIPv6(address) ? `[${address}]` : address}/`))
  if (bad === undefined) return found
  const where = hostname === bad.address ? hostname : `${hostname} (${bad.address})`
  throw new MgoError({
    code: 'CHART_UNAVAILABLE',
    message: `helm was to call the machine's own link, where no charts are: ${where}`,
    hint: 'Look at helm.repositories in mygitops.yaml, and at where the name, a redirect or the index leads from here.',
  })
}

/** Throws CHART_UNAVAILABLE where any address of the host of `url` is one of them. A name that is unknown here is helm's affair. */
export async function refuseLinkName(url: string, lookup?: Lookup): Promise<void> {
  const web = url.replace(/^oci:/, 'https:')
  if (!URL.canParse(web)) return
  await addressesOf(new URL(web).hostname, lookup).catch((error: unknown) => {
    if (error instanceof MgoError) throw error
  })
}

async function everyAddress(name: string): ReturnType<Lookup> {
  return lookUp(name, { all: true })
}
