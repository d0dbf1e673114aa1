/**
 * Words of a cloud or a storage that trying again does not change: no quota, no space, not allowed, not known.
 *
 * @module
 */

/** A cloud that is busy says "exceeded" as well. */
const passing =
  /deadline ?exceeded|timed? ?out|throttl|rate ?_?(?:limit ?_?)?exceeded|rate limit|too many requests|\b(?:429|50[0234])\b|connection (?:reset|refused)|unavailable|try again|in progress|being (?:created|updated|deleted)|conflict/i
const final =
  /quota|limit ?exceeded|exceed|out of (?:space|range|capacity)|out_of_|resource_?exhausted|exhausted|no (?:more |free |available |enough )?(?:space|room|capacity|addresses|ips?)\b|no available|insufficient|not enough|not ?found|not exist|no such|invalid|forbidden|denied|not authori[sz]ed|unauthori[sz]ed|unsupported|not (?:supported|allowed|permitted)|already (?:allocated|in use)|cannot (?:shrink|be (?:decreased|expanded|resized))/i

/** Whether an answer stays the same however often one asks. */
export function isFinal(message: string): boolean {
  return final.test(message) && !passing.test(message)
}
