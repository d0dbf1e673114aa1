/**
 * Answers to what is no request, or never becomes one: bytes that are no HTTP, headers that are too large, and callers who
 * do not finish. No route and no hook sees these; their answers are like all others.
 *
 * @module
 */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { problemsOf } from './problem.ts'

type Why = { readonly status: number; readonly message: string; readonly hint: string }

const otherwise: Why = {
  status: 400,
  message: 'these bytes are no HTTP request',
  hint: 'Speak HTTP/1.1. Is this the right port, and should the address begin with http:// or https://?',
}

const causes: Readonly<Record<string, Why>> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    message: 'the headers are too large',
    hint: 'All headers together have 16 KiB at most. Is the token the right one?',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    message: 'the request did not come in time',
    hint: 'Headers have five seconds to come in, a whole request ten. Send it again.',
  },
}

/**
 * Answers on the wire and hangs up: what follows on this connection cannot be told from the rest of a broken request.
 *
 * @param headers - of every answer
 * @param warning - a field of every answer, if any
 */
export function unread(headers: Readonly<Record<string, string>>, warning?: string) {
  return (error: Error & { readonly code?: string }, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return
    const { status, message, hint } = causes[error.code ?? ''] ?? otherwise
    const problem = problemsOf([{ code: 'REQUEST_INVALID', message, hint }], status)
    const body = JSON.stringify(warning === undefined ? problem : { ...problem, warning })
    const lines = Object.entries({
      ...headers,
      ...(warning === undefined ? {} : { warning: `299 mgo "${warning}"` }),
      'content-type': 'application/problem+json; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
      connection: 'close',
    }).map(([name, value]) => `${name}: ${value}\r\n`)
    if (socket.writable) socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
    socket.destroy(error)
  }
}
