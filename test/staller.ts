/**
 * Stands between mgo and the API server and can fall silent: connections stay open, and no byte comes through them any
 * more. New connections are whole. It can be away, as a server that was ended, and come back. It counts what comes back.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Staller = {
  /** The address to use instead of the API server's. */
  readonly server: string
  /** What is open now says nothing from now on. */
  stall(): void
  /** Ends all connections, and refuses new ones. */
  away(): Promise<void>
  /** Takes connections again, at the same address. */
  back(): Promise<void>
  /** Bytes that the API server has sent so far, as they went over the wire. */
  bytes(): number
  close(): Promise<void>
}

/** The kubeconfig of a rig, with the address of a staller in it. */
export function throughStaller(kubeconfig: string, { server }: Pick<Staller, 'server'>): string {
  const config = JSON.parse(readFileSync(kubeconfig, 'utf8')) as { clusters: { cluster: object }[] }
  const clusters = config.clusters.map((one) => ({ ...one, cluster: { ...one.cluster, server } }))
  return JSON.stringify({ ...config, clusters })
}

/** The API server of a rig's kubeconfig. */
export function serverOf(kubeconfig: string): string {
  const config = JSON.parse(readFileSync(kubeconfig, 'utf8')) as { clusters: { cluster: { server: string } }[] }
  return config.clusters[0]?.cluster.server ?? ''
}

/** Starts one for `https://127.0.0.1:PORT`. */
export async function startStaller(server: string): Promise<Staller> {
  const { hostname, port } = new URL(server)
  const open = new Map<Socket, Socket>()
  let bytes = 0
  const listener = createServer((near) => {
    const far = connect(Number(port), hostname)
    near.pipe(far)
    far.pipe(near)
    far.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
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
  const listen = (at: number) => new Promise<void>((resolve) => listener.listen(at, '127.0.0.1', resolve))
  const away = async () => {
    for (const near of open.keys()) near.destroy()
    if (listener.listening) await new Promise((resolve) => listener.close(resolve))
  }
  await listen(0)
  const { port: own } = listener.address() as AddressInfo
  return {
    server: `https://127.0.0.1:${own}`,
    away,
    back: () => listen(own),
    stall() {
      for (const [near, far] of open) {
        near.unpipe(far)
        far.unpipe(near)
        far.pause()
      }
    },
    bytes: () => bytes,
    close: away,
  }
}
