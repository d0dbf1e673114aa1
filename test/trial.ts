/**
 * A server under trial: a git server, mgo that only commits, clients that remember what they were promised, and in the
 * end the checker, which is a program of its own.
 *
 * @module
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { Sent } from './checker/checker.ts'
import type { Life } from './checker/process.ts'
import { type GitServer, git, makeBare, startGitServer } from './git-server.ts'
import { judge, lived } from './judge.ts'
import { makeMgo, type Mgo, type MgoOptions, type Server, values } from './mgo.ts'

const password = 'a-password-that-nobody-may-see'

export type TrialOptions = Omit<MgoOptions, 'repo'> & {
  readonly apps?: number
  /** More arguments of `mgo serve`. */
  readonly args?: readonly string[]
  /** Who asks for the deploys of an app. */
  readonly author?: (app: number) => string | undefined
  /** What must be seen nowhere, besides the password of the git server. */
  readonly secrets?: readonly string[]
  /** Stands before the git server: is given the address of a repository, and gives the one that mgo is told. */
  readonly front?: (url: string) => string
}

export type Answer = {
  readonly status: number
  readonly id?: string
  readonly verdict?: string
  readonly code?: string
  readonly commit?: string
  /** Seconds, as the header says. */
  readonly retryAfter?: number
  readonly supersededBy?: string
  readonly problem?: { readonly code: string; readonly message: string }
}

export type Sending = { readonly wait?: string; readonly key?: string; readonly author?: string }

export type Trial = {
  readonly git: GitServer
  readonly bare: string
  readonly mgo: Mgo
  /** The server that runs now. */
  service(): Server
  start(): Promise<void>
  /** Sends a request once; what was accepted is remembered. */
  send(app: number, tag: string, sending?: Sending): Promise<Answer>
  /** Sends it until it is accepted, always with the same key. */
  insist(app: number, tag: string, key: string): Promise<Answer>
  ask(path: string, init?: RequestInit): Promise<Answer>
  verdict(id: string | undefined, wait?: string): Promise<Answer>
  /** Pushes somebody else's commit, as people do: again until it goes through. */
  foreign(path: string, edit: (text: string) => string | undefined): void
  /** Tells of a foreign commit that was pushed some other way; each of `lines` is in the file of that app from then on. */
  landed(oid: string, lines?: Readonly<Record<string, string>>): void
  /** Tells that the branch was thrown back from `oid`, so that what led there may be gone. */
  rewrote(oid: string): void
  /** Tells of requests that another server accepted, or in which order they were. */
  promised(earlier: readonly Omit<Sent, 'order'>[]): void
  /** Waits until each request has its verdict. */
  settled(): Promise<void>
  /** What was accepted so far. */
  sent(): readonly Sent[]
  /** How many requests were accepted so far. */
  accepted(): number
  path(app: number): string
  file(app: number): string
  /** The commits of the branch that name this request. */
  commitsOf(id: string | undefined): number
  /** Waits for every verdict, and has all of it checked. */
  check(): Promise<void>
  end(): Promise<void>
}

/** Starts a trial. */
export async function startTrial(options: TrialOptions = {}): Promise<Trial> {
  const { apps = 8, args = [], front = (url: string) => url, author: by, secrets = [], ...more } = options
  const server = await startGitServer()
  server.requireLogin('mgo', password)
  const path = (app: number) => `installations/prod/app${app}-values.yaml`
  const all = Array.from({ length: apps }, (_, app) => app)
  const bare = makeBare(
    server.root,
    'gitops.git',
    Object.fromEntries(all.map((app) => [path(app), values(`app${app}`)])),
  )
  const env = { ...more.env, MGO_GIT_USERNAME: 'mgo', MGO_GIT_PASSWORD: password }
  const mgo = makeMgo({ repo: front(server.url('gitops.git')), ...more, env })
  const serve = () => mgo.serve('--commit-only', ...args)
  const begun = serve().catch(async (error: unknown) => {
    // What listens keeps the test from ending.
    await server.close()
    throw error
  })
  const state = { service: await begun, log: '' }
  const lives: Life[] = []
  const told: string[] = []
  // A file system that only the server sees is looked at through its process.
  const stateSeen = () =>
    more.stateIn === undefined
      ? join(mgo.state, 'state')
      : join('/proc', String(state.service.pid), 'root', more.stateIn)
  const first = git(bare, 'rev-parse', 'main').trim()
  const sent = new Map<string, Sent>()
  let order = 0
  const others: string[] = []
  const lost: string[] = []
  const lines: { readonly file: string; readonly line: string }[] = []
  const work = mkdtempSync(join(tmpdir(), 'mgo-foreign-'))
  git(work, 'clone', '--quiet', bare, '.')

  const ask: Trial['ask'] = async (where, init) => {
    const response = await fetch(`${state.service.url}${where}`, init)
    const text = await response.text()
    told.push(JSON.stringify([...response.headers]), text)
    const wait = response.headers.get('retry-after')
    const also = wait === null ? {} : { retryAfter: Number(wait) }
    return { ...(JSON.parse(text) as Omit<Answer, 'status'>), ...also, status: response.status }
  }
  const send: Trial['send'] = async (
    app,
    tag,
    { wait, key, author = by?.(app) ?? `Dev ${app} <dev${app}@example.com>` } = {},
  ) => {
    const source = `github.com/acme/app${app}`
    const answer = await ask(`/v1/deploys${wait === undefined ? '' : `?wait=${wait}`}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) },
      body: JSON.stringify({ cluster: 'prod', source, image: `localhost:5000/acme/app${app}:${tag}`, author }),
    })
    if (answer.id !== undefined && !sent.has(answer.id))
      sent.set(answer.id, { id: answer.id, source, tag, author, order: order++ })
    return answer
  }
  const verdict: Trial['verdict'] = async (id, wait = '30s') => {
    const endMs = performance.now() + 90_000
    for (;;) {
      const answer = await ask(`/v1/deploys/${id}?wait=${wait}`).catch(() => undefined)
      if (answer?.verdict !== undefined) return answer
      if (performance.now() > endMs)
        throw new Error(`${id} has no verdict: ${JSON.stringify(answer)}\n${state.service.log()}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  const settled = async (): Promise<void> => {
    for (const id of sent.keys()) await verdict(id)
  }
  let isOver = false
  const end = async (): Promise<void> => {
    if (isOver) return
    isOver = true
    await state.service.kill()
    await server.close()
    mgo.remove()
    rmSync(work, { recursive: true, force: true })
  }
  // A trial that fails must leave nothing running, either.
  after(end)
  return {
    git: server,
    bare,
    mgo,
    service: () => state.service,
    async start() {
      if (isOver) throw new Error('the trial has ended')
      state.log += state.service.log()
      lives.push(lived(state.service))
      state.service = await serve()
    },
    send,
    async insist(app, tag, key) {
      while (!isOver) {
        const answer = await send(app, tag, { key }).catch(() => undefined)
        if (answer?.id !== undefined) return answer
        if (answer !== undefined && answer.status < 429) throw new Error(JSON.stringify(answer))
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      throw new Error(`the trial ended before ${key} was accepted`)
    },
    ask,
    verdict,
    foreign(where, edit) {
      for (let turn = 0; turn < 50; turn++) {
        git(work, 'fetch', '--quiet')
        git(work, 'reset', '--quiet', '--hard', 'origin/main')
        const file = join(work, where)
        const before = readFileSync(file, 'utf8')
        const text = edit(before)
        if (text === before) return
        if (text === undefined) rmSync(file)
        else writeFileSync(file, text)
        git(work, 'commit', '--quiet', '--all', '-m', `A foreign change of ${where}`)
        const oid = git(work, 'rev-parse', 'HEAD').trim()
        try {
          git(work, 'push', '--quiet', 'origin', 'HEAD:main')
          others.push(oid)
          return
        } catch {
          // Somebody was faster.
        }
      }
      throw new Error('the foreign push never went through')
    },
    landed(oid, kept = {}) {
      others.push(oid)
      lines.push(...Object.entries(kept).map(([file, line]) => ({ file, line })))
    },
    rewrote: (oid) => lost.push(oid),
    promised(earlier) {
      for (const one of earlier) sent.set(one.id, { ...one, order: order++ })
    },
    settled,
    sent: () => [...sent.values()],
    accepted: () => sent.size,
    path,
    file: (app) => git(bare, 'show', `main:${path(app)}`),
    commitsOf: (id) => git(bare, 'log', '--format=%B', 'main').split(`\nMgo-Request: ${id}\n`).length - 1,
    async check() {
      await settled()
      const there = new Set(git(bare, 'ls-tree', '-r', '--name-only', 'main').split('\n'))
      const files = all.filter((app) => there.has(path(app))).map((app) => [`github.com/acme/app${app}`, path(app)])
      await judge({
        bare,
        branch: 'main',
        start: first,
        url: state.service.url,
        pid: state.service.pid,
        state: more.stateIn ?? mgo.state,
        lives: [...lives, lived(state.service)],
        sent: [...sent.values()],
        foreign: others,
        lines,
        lost,
        files: Object.fromEntries(files) as Record<string, string>,
        secrets: [password, ...secrets],
        searched: [stateSeen()],
        log: state.log + state.service.log(),
        told,
      })
    },
    end,
  }
}
