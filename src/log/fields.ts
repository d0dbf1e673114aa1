/**
 * An event → the fields of its log line, by which machines search. Pure.
 *
 * @module
 */
import type { Told } from '../event/event.ts'
import { printImage } from '../release/image.ts'
import { showAuthor } from '../request/author.ts'
import type { Fields } from './log.ts'

/** Flat, with names that are the same for each kind: `event`, `id`, `cluster`, `release`, `verdict`, `code`. */
export function fieldsOf(told: Told): Fields {
  const { kind: event, at: _, ...rest } = told
  if (told.kind === 'accepted') {
    const { id, cluster, source, image, author, principal, rule } = told.request
    return { event, id, cluster, source, image: printImage(image), author: showAuthor(author), principal, rule }
  }
  if (told.kind === 'finished') {
    const { id, cluster, verdict, commit, timing, problem } = told.verdict
    return { event, id, cluster, verdict, commit, code: problem?.code, timing }
  }
  if (told.kind === 'judged') {
    const { release, verdict, revision, code } = told.release
    return { event, cluster: told.cluster, release, verdict, revision, code }
  }
  return { event, ...rest }
}

/** What did not work is a warning. */
export function levelOf(told: Told): 'info' | 'warn' {
  return told.kind === 'judged' && ['failed', 'timed-out', 'refused'].includes(told.release.verdict) ? 'warn' : 'info'
}
