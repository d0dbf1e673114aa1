/**
 * Form bodies: what `curl --data` sends, and what `curl -F` sends. The last of a repeated field counts for nobody: a
 * field that is there twice is refused.
 *
 * @module
 */
import { MgoError } from '../error.ts'

/** Reads a form. Throws REQUEST_INVALID. */
export async function parseFormBody(contentType: string, body: Buffer): Promise<Readonly<Record<string, string>>> {
  const entries = contentType.startsWith('multipart/')
    ? await multipart(contentType, body)
    : [...new URLSearchParams(body.toString('utf8'))]
  const fields = new Map<string, string>()
  for (const [name, value] of entries) {
    if (fields.has(name)) throw invalid(`the field ${JSON.stringify(name.slice(0, 80))} is there twice`)
    fields.set(name, value)
  }
  return Object.assign(Object.create(null) as Record<string, string>, Object.fromEntries(fields))
}

/** The platform's own parser reads multipart bodies (WHATWG fetch). */
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
