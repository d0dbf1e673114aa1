/**
 * P8: durable accepts a second, beside a bare Node server with fsync on the same disk in the same run; then five times
 * the callers, while somebody asks for the server's health; then kill -9, and every accepted request must be there.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeBare } from '../test/git-server.ts'
import { makeMgo, values } from '../test/mgo.ts'
import { type Load, loadOf, quantile, type Seen } from './load.ts'

const apps = 200
const callers = 64
const seconds = 8

export type Result = {
  readonly floor: Seen
  /** The processor's time of the server itself tells more than the rate where others use the machine. */
  readonly mgo: Seen & { readonly cpuMsPerAccept: number }
  readonly fiveTimes: Seen & { readonly healthP99Ms: number }
  readonly accepted: number
  readonly lost: number
}

/** Measures, and prints what it found. */
export async function run(): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'mgo-p8-'))
  const floor = await floorOf(folder)
  const names = Array.from({ length: apps }, (_, i) => `app${i}`)
  const files = Object.fromEntries(names.map((app) => [`installations/prod/${app}-values.yaml`, values(app)]))
  const bare = makeBare(folder, 'gitops.git', files)
  const mgo = makeMgo({ repo: bare, stateIn: join(folder, 'state') })
  let service = await mgo.serve('--commit-only', '-o', 'json')
  const accepted = new Set<string>()
  const load = (many: number): Load => ({
    url: service.url,
    callers: many,
    seconds,
    request,
    onAnswer: (status, body) => {
      if (status === 202) accepted.add((JSON.parse(body) as { id: string }).id)
    },
  })
  const before = cpuMs(service.pid)
  const once = await loadOf(load(callers))
  const cpuMsPerAccept = Math.round(((cpuMs(service.pid) - before) / accepted.size) * 1000) / 1000
  const health = healthOf(service.url)
  const five = await loadOf(load(callers * 5))
  const healthP99Ms = await health()
  await service.kill()
  service = await mgo.serve('--commit-only')
  const lost = await lostOf(service.url, accepted)
  await service.kill()
  mgo.remove()
  rmSync(folder, { recursive: true, force: true })
  const result = {
    floor,
    mgo: { ...once, cpuMsPerAccept },
    fiveTimes: { ...five, healthP99Ms },
    accepted: accepted.size,
    lost,
  }
  console.log(JSON.stringify(result, null, 2))
  return result
}

function request(n: number): { readonly path: string; readonly body: string } {
  const app = `app${n % apps}`
  const asked = { cluster: 'prod', source: `github.com/acme/${app}`, image: `localhost:5000/acme/${app}:v${n}` }
  return { path: '/v1/deploys', body: JSON.stringify({ ...asked, author: 'Ada Lovelace <ada@example.com>' }) }
}

/** Milliseconds of processor time that a process has used. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

async function floorOf(folder: string): Promise<Seen> {
  const program = join(import.meta.dirname, 'floor.ts')
  const child = spawn(process.execPath, [program, join(folder, 'floor')], { stdio: ['ignore', 'pipe', 'inherit'] })
  const url = await new Promise<string>((resolve) => child.stdout.once('data', (text) => resolve(String(text).trim())))
  const seen = await loadOf({ url, callers, seconds, request })
  child.kill('SIGKILL')
  return seen
}

/** Asks for the health twenty times a second; gives the slowest of a hundred. */
function healthOf(url: string): () => Promise<number> {
  const times: number[] = []
  let isOver = false
  const asking = (async () => {
    while (!isOver) {
      const begunMs = performance.now()
      await fetch(`${url}/healthz`).then((answer) => answer.text())
      times.push(performance.now() - begunMs)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })()
  return async () => {
    isOver = true
    await asking
    return quantile(times, 0.99)
  }
}

/** Accepted requests that the server does not know after its restart, or that never end. */
async function lostOf(url: string, accepted: ReadonlySet<string>): Promise<number> {
  const endMs = performance.now() + 120_000
  for (;;) {
    const missing = new Set(accepted)
    let next: string | undefined
    do {
      const page = await fetch(`${url}/v1/deploys?limit=1000${next === undefined ? '' : `&cursor=${next}`}`)
      const list = (await page.json()) as { deploys: { id: string; verdict?: string }[]; next?: string }
      for (const { id, verdict } of list.deploys) if (verdict !== undefined) missing.delete(id)
      next = list.next
    } while (next !== undefined)
    if (missing.size === 0 || performance.now() > endMs) return missing.size
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
}

if (process.argv[1] === import.meta.filename) await run()
