/**
 * A crowd that keeps connections open and says nothing, says half, or follows events and does not read. It is a program of
 * its own: in the test's own process its sockets would slow down those whose answers are timed.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { after } from 'node:test'

const words = {
  idle: '',
  half: 'POST /v1/deploys HTTP/1.1\r\nHost: 127.0.0.1\r\ncontent-length: 100\r\n',
  deaf: 'GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
} as const
type Kind = keyof typeof words
const kinds = Object.keys(words) as readonly Kind[]

export type Size = Readonly<Record<Kind, number>>

export type Crowd = {
  /** How many of each kind are connected still. */
  open(): Size
  /** Resolves when they are as `isSo` says; throws after a while. */
  until(isSo: (open: Size) => boolean): Promise<void>
  end(): Promise<void>
}

const none: Size = { idle: 0, half: 0, deaf: 0 }

/** Brings a crowd to a server of this machine; resolves when all have come. */
export async function startCrowd(url: string, size: Partial<Size>): Promise<Crowd> {
  const counts = kinds.map((kind) => String(size[kind] ?? 0))
  const child = spawn(process.execPath, [import.meta.filename, new URL(url).port, ...counts], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  let open = none
  let hasCome = false
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'all have come') hasCome = true
    else open = JSON.parse(line) as Size
  })
  const until: Crowd['until'] = async (isSo) => {
    for (let i = 0; i < 600 && child.exitCode === null; i++) {
      if (isSo(open)) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`the crowd is not as expected: ${JSON.stringify(open)}`)
  }
  const end = async (): Promise<void> => {
    child.kill('SIGKILL')
    await ended
  }
  // A test that fails must leave nothing running.
  after(end)
  await until(() => hasCome)
  return { open: () => open, until, end }
}

/** The program itself. */
function stand(port: number, size: Size): void {
  const open = { ...none }
  let tried = 0
  for (const kind of kinds)
    for (let i = 0; i < size[kind]; i++) {
      let isIn = false
      const socket = connect(port, '127.0.0.1', () => {
        isIn = true
        open[kind]++
        tried++
        socket.write(words[kind])
      })
      socket.on('error', () => undefined).on('close', () => (isIn ? open[kind]-- : tried++))
      if (kind === 'deaf') socket.pause()
      else socket.resume()
    }
  // A test that dies takes its crowd with it.
  process.stdin.resume().on('end', () => process.exit())
  const all = kinds.reduce((sum, kind) => sum + size[kind], 0)
  let said = ''
  let isComplete = false
  setInterval(() => {
    const now = JSON.stringify(open)
    if (now !== said) console.log(now)
    said = now
    if (tried === all && !isComplete) console.log('all have come')
    isComplete = tried === all
  }, 50)
}

if (import.meta.main) {
  const [port = 0, idle = 0, half = 0, deaf = 0] = process.argv.slice(2).map(Number)
  stand(port, { idle, half, deaf })
}
