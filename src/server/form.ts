/**
 * Form bodies: what `curl --data` sends, and what `curl --form` sends. A field that is there twice is refused: which one
 * was meant is nothing to guess at.
 *
 * @module
 */
import { MgoError } from '../error.ts'

export type Form = Readonly<Record<string, string>>

/**
 * Reads a form. The record has no prototype, so a field of any name is just a field.
 *
 * @throws MgoError REQUEST_INVALID
 */
export async function parseFormBody(contentType: string, body: Buffer): Promise<Form> {
  const entries = contentType.toLowerCase().startsWith('multipart/')
    ? await multipart(contentType, body)
    : [...new URLSearchParams(body.toString('utf8'))]
  const form = Object.create(null) as Record<string, string>
  for (const [name, value] of entries) {
    if (name in form) throw invalid(`the field ${JSON.stringify(name.slice(0, 80))} is there twice`)
    form[name] = value
  }
  return form
}

/** The platform's own parser reads multipart bodies (WHATWG fetch). A file is no field. */
async function multipart(contentType: string, body: Buffer): Promise<readonly (readonly [string, string])[]> {
  try {
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData()
    return [...form].flatMap(([name, value]) => (typeof value === 'string' ? [[name, value] as const] : []))
  } catch {
    throw invalid('the multipart body cannot be read')
  }
}

function invalid(message: string): MgoError {
  return new MgoError({
    code: 'REQUEST_INVALID',
    message,
    hint: 'Send each field once, as curl --data NAME=VALUE does.',
  })
}
