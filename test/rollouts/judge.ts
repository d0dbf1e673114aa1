/**
 * Holds what a tool said against what is so.
 *
 * @module
 */
import type { Said } from './road.ts'
import type { Want } from './rollout.ts'

/** `wrong`: what was said is not so. `late`: it is, but it came too late. `green`: it was called healthy and was not. */
export type Judged = { readonly wrong: readonly string[]; readonly late: boolean; readonly green: boolean }

const wordsOf: Readonly<Record<Want['word'], string>> = {
  healthy: 'healthy',
  failed: 'failed',
  'waiting-forever': 'timed-out',
}

/**
 * Judges one answer.
 *
 * @param slack - how many times `within_s` it may take; 1 on a quiet machine
 */
export function judge(said: Said, want: Want, slack = 1): Judged {
  const wrong: string[] = []
  if (!isWord(said, want)) wrong.push(`said ${said.word}, it is ${want.word}`)
  if (want.code !== undefined && !isCode(said, want.code)) wrong.push(`code ${said.code ?? 'none'}, it is ${want.code}`)
  wrong.push(...unsaid(said, want).map((one) => `does not say ${one}`))
  // Who waits for ever ends at the limit that was set, not at a time of the case's.
  const late = want.word !== 'waiting-forever' && said.seconds > want.within_s * slack
  return { wrong, late, green: said.word === 'healthy' && want.word !== 'healthy' }
}

/** Whether the word is the right one. */
export function isWord({ word, code }: Said, want: Want): boolean {
  if (word === wordsOf[want.word]) return true
  if (want.code === 'SUPERSEDED') return word === 'superseded'
  return want.code === 'REFUSED' && word === 'refused' && code !== undefined
}

function isCode({ word, code }: Said, wanted: string): boolean {
  return code === wanted || (wanted === 'SUPERSEDED' && word === 'superseded')
}

/** What a good sentence holds and this one does not. */
export function unsaid({ sentence }: Said, { says = [] }: Want): readonly string[] {
  return says.filter((one) => !isSaid(sentence, one))
}

function isSaid(sentence: string, wanted: string): boolean {
  const has = sentence.toLowerCase()
  return wanted.split('|').some((form) => has.includes(form.toLowerCase()))
}
