/**
 * Stands between mgo and the API server, passes every byte on, and resets connections at random moments.
 *
 * @module
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Cutter = {
  /** The address to use instead of the API server's. */
  readonly server: string
  /** Connections are whole until now. */
  begin(): void
  close(): Promise<void>
}

/** Between two cuts, at least and at most. */
const [leastMs, mostMs] = [300, 3_000]

/** Starts one for `https://127.0.0.1:PORT`. */
export async function startCutter(server: string): Promise<Cutter> {
  const { hostname, port } = new URL(server)
  const open = new Set<Socket>()
  const listener = createServer((near) => {
    const far = connect(Number(port), hostname)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
    }
    open.add(near)
    near.on('close', () => open.delete(near))
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  let timer: NodeJS.Timeout | undefined
  const cutLater = () => {
    timer = setTimeout(
      () => {
        for (const socket of open) if (Math.random() < 0.7) socket.resetAndDestroy()
        cutLater()
      },
      leastMs + Math.random() * (mostMs - leastMs),
    )
  }
  return {
    server: `https://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    begin: cutLater,
    async close() {
      clearTimeout(timer)
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}
