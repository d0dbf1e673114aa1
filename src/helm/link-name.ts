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

type Lookup = (name: string) => Promise<readonly { readonly address: string }[]>

/** Throws CHART_UNAVAILABLE where any address of the host of `url` is one of them. A name that is unknown here is helm's affair. */
export async function refuseLinkName(url: string, lookup: Lookup = everyAddress): Promise<void> {
  const web = url.replace(/^oci:/, 'https:')
  const { hostname } = URL.canParse(web) ? new URL(web) : { hostname: '' }
  const found = hostname === '' ? [] : await lookup(hostname.replace(/^\[|\]$/g, '')).catch(() => [])
  const bad = found.find(({ address }) => isLinkAddress(`http://${isIPv6(address) ? `[${address}]` : address}/`))
  if (bad === undefined) return
  throw new MgoError({
    code: 'CHART_UNAVAILABLE',
    message: `${hostname} is at ${bad.address}, the machine's own link, where no charts are`,
    hint: 'Look at helm.repositories in mygitops.yaml, and at what the name leads to from here.',
  })
}

async function everyAddress(name: string): ReturnType<Lookup> {
  return lookUp(name, { all: true })
}
