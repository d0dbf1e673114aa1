/**
 * P10: what an idle server with a thousand releases takes, and kill -9 with five hundred requests in flight: how soon it
 * is ready again, and whether each of them has exactly one commit. No cluster takes part: mgo only commits.
 *
 * @module
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { git, makeBare } from '../test/git-server.ts'
import { makeMgo, type Server, values } from '../test/mgo.ts'

const releases = 1_000
const inFlight = 500
const idleSeconds = 10

export type Result = {
  readonly idleMiB: number
  readonly idleCpuPercent: number
  /** Milliseconds from the start of the process until /readyz is 200. */
  readonly readyMs: number
  /** Milliseconds from the start until the last verdict. */
  readonly answeredMs: number
  readonly answers: Readonly<Record<string, number>>
  /** Requests with another number of commits than one. */
  readonly wrong: number
}

type Answer = { readonly id: string; readonly verdict?: string }

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Measures, and prints what it found. */
export async function run(): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'mgo-p10-'))
  const names = Array.from({ length: releases }, (_, i) => `app${i}`)
  const files = Object.fromEntries(names.map((app) => [`installations/prod/${app}-values.yaml`, values(app)]))
  const bare = makeBare(folder, 'gitops.git', files)
  const mgo = makeMgo({ repo: bare, stateIn: join(folder, 'state') })
  const first = await mgo.serve('--commit-only')
  await ready(first)
  const idle = await idleOf(first.pid)
  const hook = join(bare, 'hooks', 'pre-receive')
  writeFileSync(hook, '#!/bin/sh\nsleep 5\n')
  chmodSync(hook, 0o755)
  const ids = await Promise.all(names.slice(0, inFlight).map((app) => send(first, app)))
  await first.kill()
  rmSync(hook)
  const begunMs = performance.now()
  const second = await mgo.serve('--commit-only')
  await ready(second)
  const readyMs = Math.round(performance.now() - begunMs)
  const answers: Record<string, number> = {}
  for (const id of ids) {
    const word = await verdictOf(second, id)
    answers[word] = (answers[word] ?? 0) + 1
  }
  const answeredMs = Math.round(performance.now() - begunMs)
  const log = git(bare, 'log', '--format=%B', 'main')
  const wrong = ids.filter((id) => log.split(`Mgo-Request: ${id}\n`).length !== 2).length
  await second.kill()
  mgo.remove()
  rmSync(folder, { recursive: true, force: true })
  const result = { ...idle, readyMs, answeredMs, answers, wrong }
  console.log(JSON.stringify(result, null, 2))
  return result
}

async function ready({ url }: Server): Promise<void> {
  while ((await fetch(`${url}/readyz`)).status !== 200) await pause(20)
}

async function send({ url }: Server, app: string): Promise<string> {
  const asked = { cluster: 'prod', source: `github.com/acme/${app}`, image: `localhost:5000/acme/${app}:v2` }
  const body = JSON.stringify({ ...asked, author: 'Ada Lovelace <ada@example.com>' })
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${url}/v1/deploys`, { method: 'POST', headers, body })
  return ((await answer.json()) as Answer).id
}

async function verdictOf({ url }: Server, id: string): Promise<string> {
  for (;;) {
    const answer = (await (await fetch(`${url}/v1/deploys/${id}?wait=60s`)).json()) as Answer
    if (answer.verdict !== undefined) return answer.verdict
  }
}

async function idleOf(pid: number): Promise<Pick<Result, 'idleMiB' | 'idleCpuPercent'>> {
  await pause(2_000)
  const before = ticks(pid)
  await pause(idleSeconds * 1000)
  const rss = Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  // A tick is a hundredth of a second.
  return { idleMiB: Math.round(rss / 1024), idleCpuPercent: (ticks(pid) - before) / idleSeconds }
}

function ticks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}

if (process.argv[1] === import.meta.filename) await run()
