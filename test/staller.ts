/**
 * Stands between mgo and the API server and can fall silent: connections stay open, and no byte comes through them any
 * more. New connections are whole.
 *
 * @module
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Staller = {
  /** The address to use instead of the API server's. */
  readonly server: string
  /** What is open now says nothing from now on. */
  stall(): void
  close(): Promise<void>
}

/** Starts one for `https://127.0.0.1:PORT`. */
export async function startStaller(server: string): Promise<Staller> {
  const { hostname, port } = new URL(server)
  const open = new Map<Socket, Socket>()
  const listener = createServer((near) => {
    const far = connect(Number(port), hostname)
    near.pipe(far)
    far.pipe(near)
    open.set(near, far)
    for (const one of [near, far])
      one
        .on('error', () => undefined)
        .on('close', () => {
          open.delete(near)
          near.destroy()
          far.destroy()
        })
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  return {
    server: `https://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    stall() {
      for (const [near, far] of open) {
        near.unpipe(far)
        far.unpipe(near)
        far.pause()
      }
    },
    async close() {
      for (const near of open.keys()) near.destroy()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}
