/**
 * A TLS server before the git server, and before that a wire that can break: it counts the bytes of each connection, so
 * that it breaks in the middle of a handshake or of a record.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { makeCerts } from '../rig/certs.ts'

/** `reset`: the connection is cut hard. `silence`: it stays open, and nothing comes. `drip`: a byte a second comes. */
export type Break = 'nothing' | 'reset' | 'silence' | 'drip'

export type Wire = {
  /** The file of the authority, PEM. */
  readonly ca: string
  /** The address to use instead of this one of the git server. */
  readonly front: (url: string) => string
  /** What happens to each connection, after that many bytes that the server has sent. */
  breaks(kind: Break, afterBytes: number): void
  close(): Promise<void>
}

/** Starts one with an authority of its own in `folder`. */
export function startWire(folder: string): Wire {
  makeCerts(folder)
  let broken: { readonly kind: Break; readonly after: number } = { kind: 'nothing', after: 0 }
  let target = ''
  const open = new Set<Socket>()
  const pair = (near: Socket, far: Socket) => {
    for (const one of [near, far])
      one
        .on('error', () => undefined)
        .on('close', () => {
          open.delete(one)
          near.destroy()
          far.destroy()
        })
    open.add(near).add(far)
  }
  const pem = { key: readFileSync(join(folder, 'server.key')), cert: readFileSync(join(folder, 'server.crt')) }
  const tls = createTlsServer(pem, (socket) => {
    const inner = connect(Number(new URL(target).port), '127.0.0.1')
    pair(socket, inner)
    socket.pipe(inner).pipe(socket)
  })
  // Handshakes that are given up are what this is about.
  tls.on('tlsClientError', () => undefined)
  const wire = createServer((near) => {
    const far = connect((tls.address() as AddressInfo).port, '127.0.0.1')
    pair(near, far)
    near.pipe(far)
    let sent = 0
    far.on('data', (chunk: Buffer) => {
      const { kind, after } = broken
      const whole = kind === 'nothing' ? chunk : chunk.subarray(0, Math.max(0, after - sent))
      sent += chunk.length
      if (whole.length > 0) near.write(whole)
      if (whole.length === chunk.length) return
      far.pause()
      if (kind === 'reset') near.resetAndDestroy()
      else if (kind === 'drip') drip(chunk.subarray(whole.length), near)
    })
    far.on('end', () => near.end())
  })
  tls.listen(0, '127.0.0.1')
  wire.listen(0, '127.0.0.1')
  return {
    ca: join(folder, 'ca.crt'),
    front: (url) => {
      target = url
      return `https://127.0.0.1:${(wire.address() as AddressInfo).port}${new URL(url).pathname}`
    },
    breaks(kind, after) {
      broken = { kind, after }
    },
    async close() {
      for (const one of open) one.destroy()
      await Promise.all([tls, wire].map((one) => new Promise((resolve) => one.close(resolve))))
    },
  }
}

function drip(bytes: Buffer, socket: Socket): void {
  let at = 0
  const timer = setInterval(() => socket.write(bytes.subarray(at, ++at)), 1_000)
  socket.on('close', () => clearInterval(timer))
}
