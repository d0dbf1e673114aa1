/**
 * Which tag the image of a source has in a values file by now.
 *
 * @module
 */
import { type Node, type YAMLMap, isMap, isScalar } from 'yaml'
import { follow, pairOf } from './document.ts'
import { readHeader } from './header.ts'

/** The tag, with its digest where it is pinned; `undefined` where the file has none that can be read. */
export function currentTag(path: string, bytes: Uint8Array, source: string): string | undefined {
  const header = readHeader(path, bytes)
  if (header.kind !== 'header') return undefined
  const text = (node: Node | null | undefined, key: string): string | undefined => {
    const map = follow(node ?? null)
    const value = isMap(map) ? follow(pairOf(map as YAMLMap, key)?.value ?? null) : null
    return isScalar(value) && /^(?:string|number|bigint)$/.test(typeof value.value)
      ? `${value.value as string}`
      : undefined
  }
  const images = follow(pairOf(header.map, 'images')?.value ?? null)
  const image = isMap(images) ? pairOf(images as YAMLMap, source)?.value : undefined
  const tag = text(image, 'tag')
  if (tag !== undefined) return tag
  const whole = text(image, 'image') ?? ''
  const name = whole.split('@', 1)[0] ?? ''
  const colon = name.lastIndexOf(':')
  return colon > name.lastIndexOf('/') ? whole.slice(colon + 1) : undefined
}
