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
