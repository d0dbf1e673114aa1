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
export const kinds = ['reset', 'silence', 'drip'] as const
export type Break = (typeof kinds)[number]

/** In a handshake, or in a body: when a connection has its keys. */
export const places = ['handshake', 'body'] as const
export type Place = (typeof places)[number]

export type Wire = {
  /** The file of the authority, PEM. */
  readonly ca: string
  /** The address to use instead of this one of the git server. */
  readonly front: (url: string) => string
  /**
   * What happens to each connection from now on, after that many bytes of the handshake or of the body that the server has sent.
   * For a handshake what is open is hung up, so that there is one.
   */
  breaks(kind: Break, place: Place, afterBytes: number): void
  heals(): void
  /** How often a connection broke in this way. */
  broke(kind: Break, place: Place): number
  close(): Promise<void>
}

/** Starts one with an authority of its own in `folder`. */
export function startWire(folder: string): Wire {
  makeCerts(folder)
  let broken: { readonly kind: Break; readonly place: Place; readonly after: number } | undefined
  const count = new Map<string, number>()
  // Connections that have their keys, by their port at the TLS server.
  const keyed = new Set<number>()
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
    keyed.add(socket.remotePort ?? 0)
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
    const sent = { handshake: 0, body: 0 }
    let port = 0
    far.on('connect', () => {
      port = far.localPort ?? 0
      keyed.delete(port)
    })
    far.on('data', (chunk: Buffer) => {
      const place = keyed.has(port) ? 'body' : 'handshake'
      const left = broken?.place === place ? Math.max(0, broken.after - sent[place]) : chunk.length
      sent[place] += chunk.length
      if (left > 0) near.write(chunk.subarray(0, left))
      if (broken === undefined || left >= chunk.length) return
      const { kind } = broken
      const name = `${kind} ${place}`
      count.set(name, (count.get(name) ?? 0) + 1)
      far.pause()
      if (kind === 'reset') near.resetAndDestroy()
      else if (kind === 'drip') drip(chunk.subarray(left), near)
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
    breaks(kind, place, after) {
      broken = { kind, place, after }
      if (place === 'handshake') for (const one of open) one.destroy()
    },
    heals: () => {
      broken = undefined
    },
    broke: (kind, place) => count.get(`${kind} ${place}`) ?? 0,
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
