/**
 * Addresses that no chart and no chat lives at: those of the machine's own link, where clouds hand out credentials. Whoever
 * writes to the gitops repo must not make mgo call them. Pure; a name that leads there is not looked up here.
 *
 * @module
 */

/** Whether an address, in whatever spelling, is one of them. */
export function isLinkAddress(url: string): boolean {
  const web = url.replace(/^oci:/, 'https:')
  if (!URL.canParse(web)) return false
  // It writes 2852039166 and 0xA9FEA9FE as 169.254.169.254, too.
  const { hostname } = new URL(web)
  return /^(?:169\.254|0\.\d+)\.\d+\.\d+$|^\[(?:::ffff:a9fe:|fe[89ab][0-9a-f]:|fd00:ec2::254\])/.test(
    hostname.toLowerCase(),
  )
}
