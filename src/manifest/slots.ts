/**
 * The header's `images`: which source has which image, in which of the three forms.
 *
 * @module
 */
import { type Node, type YAMLMap, isMap, isScalar, isSeq } from 'yaml'
import type { ImageForm, ImageSlot } from '../release/release.ts'
import { follow, keyOf, problemLimit, startOf } from './document.ts'
import { type Fields, wrong } from './fields.ts'
import { nearest } from './nearest.ts'
import { placeOf } from './source.ts'

/** The entries of `images`, each with its form; what has none is told as a problem. */
export function imagesOf(fields: Fields): readonly ImageSlot[] {
  const { source } = fields
  const node = fields.get('images')
  if (node === undefined || (isScalar(node) && node.value === null)) return []
  if (!isMap(node)) {
    fields.problems.push(
      wrong(
        placeOf(source, startOf(node)),
        'images must be a map from source to image',
        'Write "github.com/acme/shop: { repository: …, tag: … }".',
      ),
    )
    return []
  }
  return (node as YAMLMap).items.flatMap((pair) => {
    if (fields.problems.length >= problemLimit) return []
    const key = keyOf(pair.key)
    const at = placeOf(source, startOf(pair.key))
    if (key === undefined || key === '<<') {
      fields.problems.push(
        wrong(at, 'images must name each source itself', 'Write the source as a plain key; a merge is not read here.'),
      )
      return []
    }
    const form = formOf(pair.value as Node | null)
    if (typeof form === 'string') return [{ source: key, form, at }]
    fields.problems.push(wrong(at, `the image of ${key} ${form.message}`, form.hint))
    return []
  })
}

type NoForm = { readonly message: string; readonly hint: string }

/** Which of the three forms an entry has. What comes from an alias or a merge is legal data; only an edit refuses it. */
export function formOf(value: Node | null): ImageForm | NoForm {
  const forms = 'Write { repository: …, tag: … } or { image: "repository:tag" }.'
  const map = follow(value)
  if (!isMap(map)) return { message: 'is no map', hint: forms }
  const keys = ownAndMerged(map as YAMLMap)
  if (keys.has('image') && keys.has('tag')) return 'quirky'
  if (keys.has('image')) return 'one-string'
  if (keys.has('repository') && keys.has('tag')) return 'repository-tag'
  const wanted = keys.has('repository') ? 'tag' : keys.has('tag') ? 'repository' : 'image'
  const others = [...keys].filter((key) => !['repository', 'tag', 'image'].includes(key))
  const [near] = nearest(wanted, others, 1)
  return {
    message: `has no "${wanted}"`,
    hint: near === undefined ? forms : `It has "${near}" — is "${wanted}" meant? ${forms}`,
  }
}

/** Ends: an alias never stands inside what it names, and the size of all that is written out is limited (document.ts). */
function ownAndMerged(map: YAMLMap): ReadonlySet<string> {
  const keys = new Set<string>()
  for (const pair of map.items) {
    const key = keyOf(pair.key)
    if (key !== '<<') {
      if (key !== undefined) keys.add(key)
      continue
    }
    const value = follow(pair.value as Node | null)
    for (const item of isSeq(value) ? value.items : [value]) {
      const one = follow(item as Node | null)
      if (isMap(one)) for (const inner of ownAndMerged(one as YAMLMap)) keys.add(inner)
    }
  }
  return keys
}
