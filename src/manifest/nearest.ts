/**
 * The nearest right word, for "did you mean". Damerau-Levenshtein distance on capped words.
 *
 * @module
 */

/** All words, nearest first; at most `most` of them. */
export function nearest(word: string, words: readonly string[], most = 5): readonly string[] {
  const ranked = words.map((one) => ({ one, distance: distance(word.slice(0, 120), one.slice(0, 120)) }))
  ranked.sort((a, b) => a.distance - b.distance || (a.one < b.one ? -1 : 1))
  return ranked.slice(0, most).map(({ one }) => one)
}

/** `Did you mean "version"?` where one word is near enough, else the list of all there is. */
export function didYouMean(word: string, words: readonly string[]): string {
  const [best] = nearest(word, words, 1)
  if (best === undefined) return 'There is none.'
  if (distance(word, best) <= Math.max(2, Math.floor(best.length / 3))) return `Did you mean "${best}"?`
  return `Known: ${nearest(word, words, 12).join(', ')}.`
}

function distance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) best = Math.min(best, (before[j - 2] ?? 0) + 1)
      row.push(best)
    }
    before = last
    last = row
  }
  return last[b.length] ?? 0
}
