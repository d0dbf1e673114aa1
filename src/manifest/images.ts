/**
 * The images that a values file asks for, by source. Only what the header itself says; what an alias or a merge supplies
 * belongs to something else, and a deploy would not set it either.
 *
 * @module
 */
import { type YAMLMap, isMap, isScalar } from 'yaml'
import { type Image, parseImage } from '../release/image.ts'
import { keyOf, pairOf } from './document.ts'
import { readHeader } from './header.ts'
import { formOf } from './slots.ts'

/** Reads the images of a file; a file that cannot be read, and an entry that is no image, has none. */
export function imagesIn(path: string, bytes: Uint8Array): ReadonlyMap<string, Image> {
  const header = readHeader(path, bytes)
  const images = header.kind === 'header' ? pairOf(header.map, 'images')?.value : undefined
  const found = new Map<string, Image>()
  for (const pair of isMap(images) ? images.items : []) {
    const source = keyOf(pair.key)
    const image = isMap(pair.value) ? imageOf(pair.value as YAMLMap) : undefined
    if (source !== undefined && image !== undefined) found.set(source, image)
  }
  return found
}

function imageOf(entry: YAMLMap): Image | undefined {
  const form = formOf(entry)
  if (typeof form !== 'string') return undefined
  const [name, tag] = [textIn(entry, form === 'repository-tag' ? 'repository' : 'image'), textIn(entry, 'tag')]
  const parsed = parseImage(form === 'one-string' ? (name ?? '') : `${name ?? ''}:${tag ?? ''}`)
  return parsed.kind === 'ok' ? parsed.image : undefined
}

/** A number is the text that it was written as: `1.10` is no 1.1. */
function textIn(entry: YAMLMap, key: string): string | undefined {
  const value = pairOf(entry, key)?.value
  if (!isScalar(value)) return undefined
  return typeof value.value === 'string' ? value.value : value.source
}
