/**
 * The words that settings are made of.
 *
 * @module
 */
import { z } from 'zod'
import { patternLimit } from '../access/pattern.ts'

/** A line of text. */
export const text = z
  .string()
  .min(1, 'it is empty')
  .max(2_048, 'it is longer than 2,048 characters')
  .regex(/^[^\u0000-\u001f\u007f]+$/, 'it holds a line break or a control character')

/** A path; a relative one is relative to the settings file. */
export const path = text

const pattern = text.max(patternLimit, `a pattern has ${patternLimit} characters at most`)

/** One pattern or several. */
export const patterns = z
  .union([pattern, z.array(pattern).min(1)], { error: 'it must be a text or a list of texts' })
  .transform((value) => (typeof value === 'string' ? [value] : value))

const claim = z.union([pattern, z.number(), z.boolean()]).transform(String)

/** Patterns by claim; numbers and booleans count as they are written. */
export const claimPatterns = z.record(
  text,
  z
    .union([claim, z.array(claim).min(1)], { error: 'it must be a text, a number, true, false or a list of them' })
    .transform((value) => (typeof value === 'string' ? [value] : value)),
)
