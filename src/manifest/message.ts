/**
 * The commit message and its trailers, both ways. Every field was parsed at the border, so none holds a line break;
 * what is written here is checked once more all the same, because a forged trailer would be a forged deploy.
 *
 * @module
 */
import { type RequestId, parseRequestId } from '../release/ids.ts'
import { printImage } from '../release/image.ts'
import type { Release } from '../release/release.ts'
import type { DeployRequest } from '../release/request.ts'

/** The message of a deploy's commit. The first line is the old tool's. */
export function deployMessage(
  request: DeployRequest,
  releases: readonly Pick<Release, 'namespace' | 'name'>[],
): string {
  const { author, cluster, id, image, source, verifiedBy } = request
  const who = author.email === '' ? author.name : `${author.name} <${author.email}>`
  const trailers = [
    `Mgo-Request: ${id}`,
    `Mgo-Source: ${source}`,
    ...releases.map((release) => `Mgo-Release: ${release.namespace}/${release.name}`),
    ...(verifiedBy === undefined ? [] : [`Mgo-Verified-By: ${verifiedBy}`]),
  ]
  return `${[`Deploy: ${printImage(image)} to ${cluster} by ${who}`, '', ...trailers].map(oneLine).join('\n')}\n`
}

/** The request of a commit, from the last paragraph of its message only. */
export function requestOf(message: string): RequestId | undefined {
  const last = message.trimEnd().split(/\n\n+/).at(-1) ?? ''
  const lines = last.split('\n')
  if (!lines.every((line) => /^[A-Za-z][A-Za-z0-9-]*: /.test(line))) return undefined
  const found = lines.filter((line) => line.startsWith('Mgo-Request: '))
  return found.length === 1 ? parseRequestId((found[0] ?? '').slice('Mgo-Request: '.length)) : undefined
}

/** What a deploy's message says of it: the cluster, and the releases as `namespace/name`. */
export function deployOf(message: string): { readonly cluster: string; readonly releases: readonly string[] } {
  const cluster = /^Deploy: \S+ to (\S+) by /.exec(message)?.[1] ?? ''
  const releases = [...message.matchAll(/^Mgo-Release: (\S+)$/gm)].map((found) => found[1] ?? '')
  return { cluster, releases }
}

function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
}
