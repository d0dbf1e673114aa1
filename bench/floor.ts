/**
 * The floor of P8: a bare Node server that puts each body on disk before it answers, all of one moment in one fsync.
 * Prints its address.
 *
 * @module
 */
import { fsync, openSync, writeSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const file = openSync(process.argv[2] ?? '', 'a', 0o600)
let waiting: { readonly body: Buffer; readonly response: ServerResponse }[] = []
let isBusy = false

function flush(): void {
  if (isBusy || waiting.length === 0) return
  isBusy = true
  const batch = waiting
  waiting = []
  writeSync(file, Buffer.concat(batch.map(({ body }) => body)))
  fsync(file, () => {
    for (const { response } of batch) response.writeHead(202, { 'content-type': 'application/json' }).end('{"id":"x"}')
    isBusy = false
    flush()
  })
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    waiting.push({ body: Buffer.concat(chunks), response })
    setImmediate(flush)
  })
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
