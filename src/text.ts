/**
 * Text from outside (charts, clusters, git servers, requests), made fit for a terminal, a log and a chat.
 *
 * @module
 */

/**
 * Control characters but the line break, and what turns the direction of writing round or cannot be seen: with them a
 * line shows something else than it says (unicode.org/reports/tr36).
 */
const unfit =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]+/g

/** Keeps the lines. An escape sequence loses what makes a terminal obey it. */
export function plain(text: string): string {
  return text.replace(unfit, ' ')
}

/** On one line. */
export function oneLine(text: string): string {
  return plain(text).replace(/\s*\n+\s*/g, ' ')
}

/** Longer than this, a value hides the one word that counts. */
const longestValue = 160

/**
 * An API server's words about a wrong field, without values that nobody reads: it quotes whole pod templates.
 *
 * @example `spec.template: Invalid value: {"labels":{"job-nam…: field is immutable`
 */
export function withoutLongValues(text: string): string {
  const mark = 'Invalid value: '
  const [head = '', ...parts] = text.split(mark)
  const cut = parts.map((part) => {
    const end = valueEnd(part)
    return end <= longestValue ? part : `${part.slice(0, 20)}…${part.slice(end)}`
  })
  return [head, ...cut].join(mark)
}

/** Where the value that a text begins with ends: behind its last bracket or quote, else before the next colon. */
function valueEnd(text: string): number {
  let [depth, isQuoted] = [0, false]
  for (let i = 0; i < text.length; i++) {
    const sign = text[i] ?? ''
    if (isQuoted && sign === '\\') i++
    else if (sign === '"') isQuoted = !isQuoted
    else if (!isQuoted && (sign === '{' || sign === '[')) depth++
    else if (!isQuoted && (sign === '}' || sign === ']')) depth--
    else if (!isQuoted && depth === 0 && sign === ':') return i
  }
  return text.length
}
