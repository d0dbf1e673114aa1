/**
 * Patterns of the policy: `*` stands for any run of characters without a slash, `**` for any run at all; everything
 * else is itself, letter by letter. The time to match grows with pattern × text, and both are capped.
 *
 * @module
 */

/** Longer patterns are refused where they are read. */
export const patternLimit = 256
/** Nothing that is matched is longer; a longer text matches no pattern. */
const textLimit = 1_024

/** Whether a text is what a pattern means. */
export function matches(pattern: string, text: string): boolean {
  if (text.length > textLimit || pattern.length > patternLimit) return false
  if (!pattern.includes('*')) return pattern === text
  let reached = start(text.length)
  for (const step of stepsOf(pattern)) reached = after(step, reached, text)
  return reached[text.length] === 1
}

/** Whether one of them matches. */
export function matchesAny(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => matches(pattern, text))
}

type Step = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'run' | 'any' }

function stepsOf(pattern: string): readonly Step[] {
  return (pattern.match(/\*+|[^*]+/g) ?? []).map((part) => {
    if (!part.startsWith('*')) return { kind: 'text', text: part }
    return { kind: part.length === 1 ? 'run' : 'any' }
  })
}

/** `reached[i]`: the pattern so far can stand for the first `i` characters. */
function start(length: number): Uint8Array {
  const reached = new Uint8Array(length + 1)
  reached[0] = 1
  return reached
}

function after(step: Step, reached: Uint8Array, text: string): Uint8Array {
  const next = new Uint8Array(reached.length)
  if (step.kind === 'text') {
    for (let i = 0; i + step.text.length <= text.length; i++)
      if (reached[i] === 1 && text.startsWith(step.text, i)) next[i + step.text.length] = 1
    return next
  }
  let open = 0
  for (let i = 0; i <= text.length; i++) {
    if (step.kind === 'run' && i > 0 && text[i - 1] === '/') open = 0
    if (reached[i] === 1) open = 1
    next[i] = open
  }
  return next
}
