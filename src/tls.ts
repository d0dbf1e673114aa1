/**
 * The server's own certificate. It is read again when its file has changed, so that renewing it needs no restart.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { MgoError, messageOf } from './error.ts'

type Files = { readonly cert: string; readonly key: string }

/** Reads certificate and key, PEM. Throws CONFIG_INVALID where they cannot be read or do not belong together. */
export function readTls({ cert, key }: Files): Files {
  try {
    const read = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
    createSecureContext(read)
    return read
  } catch (cause) {
    throw new MgoError(
      {
        code: 'CONFIG_INVALID',
        message: `the certificate ${cert} and its key ${key} cannot be used: ${(cause as NodeJS.ErrnoException).code ?? 'unknown'}`,
        hint: 'Both must be PEM files that mgo may read, and belong together.',
      },
      { cause },
    )
  }
}

type Renewable = { setSecureContext(context: Files): void }
type Renewing = { readonly warn: (text: string) => void; readonly everyMs?: number }

/** Looks for a new certificate once a minute; one that cannot be used leaves the old one. Gives the way to end that. */
export function renewTls(files: Files, server: Renewable, { warn, everyMs = 60_000 }: Renewing): () => void {
  const changedAt = () => Math.max(statSync(files.cert).mtimeMs, statSync(files.key).mtimeMs)
  let seen = changedAt()
  const timer = setInterval(() => {
    try {
      const now = changedAt()
      if (now === seen) return
      server.setSecureContext(readTls(files))
      seen = now
    } catch (error) {
      warn(`the certificate was not renewed: ${messageOf(error)}`)
    }
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
