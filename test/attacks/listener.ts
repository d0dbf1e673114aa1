/**
 * Servers of an attacker, on loopback: whatever they answer, they are closed at the end of the test file.
 *
 * @module
 */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

const listeners: Server[] = []

/** Starts one; gives its address. */
export async function listen(answer: RequestListener): Promise<string> {
  const listener = createServer(answer)
  listeners.push(listener)
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
}

/** For `after`: closes all, with whoever still hangs on. */
export function closeListeners(): void {
  for (const one of listeners) {
    one.closeAllConnections()
    one.close()
  }
}
