/**
 * Which addresses may be called. A name is looked at after it was resolved, and the very address that was looked at is
 * connected to, so that a name which changes its mind (DNS rebinding) gains nothing.
 *
 * @module
 */
import { lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

/**
 * Who chose the host. `named`: the operator, in the settings; it may be private, as registries often are. `told`: somebody
 * else, in an answer; it must be public.
 */
export type Chosen = 'named' | 'told'

const never = blocked('0.0.0.0/8 169.254.0.0/16 224.0.0.0/4 240.0.0.0/4 ::/128 fe80::/10 ff00::/8')
const loopback = blocked('127.0.0.0/8 ::1/128')
const inner = blocked(
  '10.0.0.0/8 100.64.0.0/10 172.16.0.0/12 192.0.0.0/24 192.168.0.0/16 198.18.0.0/15 fc00::/7 fec0::/10 64:ff9b::/96 2002::/16',
)

function blocked(ranges: string): BlockList {
  const list = new BlockList()
  for (const range of ranges.split(' ')) {
    const [address = '', bits = ''] = range.split('/')
    list.addSubnet(address, Number(bits), address.includes(':') ? 'ipv6' : 'ipv4')
  }
  return list
}

/** Whether an address may be connected to. A name stands for loopback only where it says so itself. */
export function mayCall(address: string, host: string, chosen: Chosen): boolean {
  const version = isIP(address)
  if (version === 0) return false
  const found = mapped(address) ?? address
  const family = found.includes(':') ? 'ipv6' : 'ipv4'
  if (never.check(found, family)) return false
  if (loopback.check(found, family)) return chosen === 'named' && (host === 'localhost' || isIP(host) !== 0)
  return chosen === 'named' || !inner.check(found, family)
}

/** `::ffff:7f00:1` and `::ffff:127.0.0.1` are 127.0.0.1. */
function mapped(address: string): string | undefined {
  const canonical = isIP(address) === 6 ? new URL(`http://[${address.split('%', 1)[0]}]`).hostname.slice(1, -1) : ''
  const found = /^::(?:ffff:)?([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical)
  if (found === null) return undefined
  const [high, low] = [Number.parseInt(found[1] ?? '0', 16), Number.parseInt(found[2] ?? '0', 16)]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** Resolves names for a connection, and leaves only what may be called. An address that is written as such never comes here. */
export function guardedLookup(chosen: Chosen): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      const good = error === null ? found.filter(({ address }) => mayCall(address, host, chosen)) : []
      const [first] = good
      if (first === undefined) callback(error ?? new Error(`${host} is at an address that is not called`), '', 4)
      else if (options.all === true) callback(null, good)
      else callback(null, first.address, first.family)
    })
  }
}
