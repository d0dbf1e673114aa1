/**
 * What is secret in a file of the repo, found line by line: also in a file that is broken, for its errors quote it.
 *
 * @module
 */
import { placeOfPath } from './layout.ts'

/** Keys whose values are secrets in a values file. Names of Secrets (`existingSecret`) are none, and verdicts need them. */
const secretKey =
  /(?:pass(?:word|wd|phrase)|token|client_?secret|secret_?(?:access_?)?key|api_?key|private_?key|access_?key|credentials?|webhook_?url)$/i

/** A key, and what follows it on its line: looked ahead at, since a flow map holds several. */
const keyed = /(?:^|[{,\s])(["']?)([A-Za-z_][\w.-]*)\1[ \t]*:[ \t]+(?=("(?:[^"\\]|\\.)*"|'[^']*'|[^\s#{[|>&*][^#\n]*))/g

/**
 * The texts of a file that must not get out: everything in a secrets file, the documents of Secrets in a raw file, and in
 * a values file and in mygitops.yaml what a key such as `password` names.
 */
export function secretsIn(path: string, text: string): readonly string[] {
  switch (placeOfPath(path).kind) {
    case 'secrets':
      return all(text)
    case 'raw':
      return text.split(/^---/m).flatMap((doc) => (isSecret(doc) ? [...all(doc), ...all(doc).map(decoded)] : []))
    case 'values':
      return named(text, isSecretKey)
    case 'settings':
      // Also one that is misspelt: what is refused is quoted.
      return named(text, (key) => isSecretKey(key) || /webhook/i.test(key))
    case 'other':
      return []
  }
}

/** Whether the line at `offset` may be shown with a caret: not where the file, the document or the key says secret. */
export function mayShow({ path, text }: { readonly path: string; readonly text: string }, offset: number): boolean {
  const around = (mark: string) => {
    const end = text.indexOf(`\n${mark}`, offset)
    return text.slice(text.lastIndexOf(`\n${mark}`, offset - 1) + 1, end < 0 ? text.length : end)
  }
  switch (placeOfPath(path).kind) {
    case 'secrets':
      return false
    case 'raw':
      return !isSecret(around('---'))
    case 'values':
    case 'settings':
      return secretsIn(path, around('')).length === 0
    case 'other':
      return true
  }
}

function isSecretKey(key: string): boolean {
  return secretKey.test(key.replaceAll('-', '_'))
}

function isSecret(doc: string): boolean {
  return /^\s*(?:- )?["']?kind["']?\s*:\s*["']?Secret\b/m.test(doc) || /["']kind["']\s*:\s*["']Secret["']/.test(doc)
}

/** What kinds are called and how keys are named is nobody's secret. */
const words = /^(?:true|false|null|yes|no|Opaque|Secret|v1|[|>][+-]?|kubernetes\.io\/[\w.-]+|[\w.-]+:|-+)$/

function all(text: string): readonly string[] {
  const lines = text
    .split(/\r?\n/)
    .filter((line) => !/^\s*(?:#|(?:- )?(?:apiVersion|kind|name|namespace)\s*:)/.test(line))
    .map((line) => bare(line.replace(/^\s*(?:- )?(?:"[^"]*"|'[^']*'|[\w./-]+)\s*:(?:\s+|$)|^\s*-\s+/, '')))
  const found = [...lines, ...named(text, (key) => !/^(?:apiVersion|kind|name|namespace)$/.test(key))]
  return found.filter((value) => value !== '' && !words.test(value))
}

/** The values of keys; of one that ends a flow map or stands in it, also what is left without the rest of the map. */
function named(text: string, wanted: (key: string) => boolean): readonly string[] {
  return [...text.matchAll(keyed)].flatMap(([, , key = '', value = '']) =>
    wanted(key) ? [bare(value), bare(value.replace(/[,}\]].*$/, ''))] : [],
  )
}

function bare(value: string): string {
  return value
    .replace(/\s+#.*$/, '')
    .trim()
    .replace(/^!\S+\s+/, '')
    .replace(/^(["'])(.*)\1$/, '$2')
}

function decoded(base64: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.fromBase64(base64))
  } catch {
    return ''
  }
}
