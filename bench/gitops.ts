/**
 * A gitops repo of any size behind real git over HTTP, and the ways to change it that are compared.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { batcher } from '../src/deploy/batch.ts'
import { commitBatch } from '../src/deploy/commit.ts'
import type { Outcome } from '../src/deploy/outcome.ts'
import { openRepo } from '../src/git/repo.ts'
import type { Cluster } from '../src/release/ids.ts'
import type { DeployRequest } from '../src/release/request.ts'
import { openSecrets } from '../src/secrets.ts'
import { clock } from '../test/clock.ts'
import { makeBare, startGitServer } from '../test/git-server.ts'

/** The peers' git. It must not block: the git server runs in this very process. */
async function git(folder: string, ...args: readonly string[]): Promise<string> {
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
  }
  const named = ['-c', 'user.name=Peer', '-c', 'user.email=peer@example.com', ...args]
  const { stdout } = await promisify(execFile)('git', named, { cwd: folder, env })
  return stdout.trim()
}

const path = (i: number) => `installations/c${i % 20}/app${i}-values.yaml`
const values = (i: number) =>
  `# app ${i}\n__mygitops:\n  chart: ./chart\n  images:\n    github.com/acme/app${i}: &img\n      repository: acme/app${i}\n      tag: v1\nimage: *img\nreplicas: 2\n`

const nothing = { tell: () => undefined, attempting: async () => undefined, unready: async () => new Map() }

/** A loop that is always late never ends by itself. */
const patienceMs = 60_000

export type Bed = {
  readonly url: string
  readonly bare: string
  readonly root: string
  /** mgo: a batcher as the server has it, on a mirror that is kept. */
  mgo(): Promise<{ deploy(app: number, tag: string): Promise<Outcome>; close(): Promise<void> }>
  /** A kept clone, changed by `git commit` and `git push`. */
  keptClone(): Promise<(app: number, tag: string) => Promise<void>>
  /** A kept clone that fetches, commits and pushes until it goes through. */
  stubbornClone(): Promise<(app: number, tag: string) => Promise<void>>
  /** Pushes that the server was sent so far. */
  pushes(): number
  /** An empty commit of somebody else, upon the tip as it is now; says whether nobody was faster. */
  foreign(): Promise<boolean>
  /** A fresh clone for each change. */
  clonePerDeploy(app: number, tag: string): Promise<void>
  close(): Promise<void>
}

/** Makes a repo of `files` values files over 20 clusters. */
export async function makeBed(files: number): Promise<Bed> {
  const server = await startGitServer()
  const root = mkdtempSync(join(tmpdir(), 'mgo-bench-'))
  const bare = makeBare(
    server.root,
    'bench.git',
    Object.fromEntries(Array.from({ length: files }, (_, i) => [path(i), values(i)])),
  )
  const url = server.url('bench.git')
  const change = async (clone: string, app: number, tag: string) => {
    const file = join(clone, path(app))
    writeFileSync(file, readFileSync(file, 'utf8').replace(/tag: .*/, `tag: ${tag}`))
    await git(
      clone,
      'commit',
      '--quiet',
      '--author',
      `Dev ${app} <dev${app}@example.com>`,
      '-m',
      `Deploy ${tag}`,
      '--',
      path(app),
    )
    await git(clone, 'push', '--quiet')
  }
  let clones = 0
  const fresh = async () => {
    const clone = join(root, `clone-${clones++}`)
    await git(root, 'clone', '--quiet', url, clone)
    return clone
  }
  return {
    url,
    bare,
    root,
    async mgo() {
      const env = { PATH: process.env['PATH'] ?? '' }
      const repo = await openRepo(url, {
        mirrors: join(root, 'mirrors'),
        committer: { name: 'mgo', email: 'mgo@x' },
        secrets: openSecrets(),
        env,
      })
      const batch = batcher<DeployRequest, Outcome>((all) =>
        commitBatch(
          all.map((one) => ({ request: one })),
          { repo, clock, ...nothing },
        ),
      )
      return { deploy: (app, tag) => batch.submit(request(app, tag)), close: () => repo.close() }
    },
    async keptClone() {
      const clone = await fresh()
      return (app, tag) => change(clone, app, tag)
    },
    async stubbornClone() {
      const clone = await fresh()
      return async (app, tag) => {
        const untilMs = performance.now() + patienceMs
        for (let isIn = false; !isIn; ) {
          if (performance.now() > untilMs) throw new Error('others were always first')
          await git(clone, 'fetch', '--quiet')
          await git(clone, 'reset', '--quiet', '--hard', '@{upstream}')
          isIn = await change(clone, app, tag).then(
            () => true,
            () => false,
          )
        }
      }
    },
    pushes: () => server.pushes(),
    async foreign() {
      const tip = await git(bare, 'rev-parse', 'main')
      const next = await git(bare, 'commit-tree', `${tip}^{tree}`, '-p', tip, '-m', 'Foreign')
      return git(bare, 'update-ref', 'refs/heads/main', next, tip).then(
        () => true,
        () => false,
      )
    },
    async clonePerDeploy(app, tag) {
      const clone = await fresh()
      await change(clone, app, tag)
      rmSync(clone, { recursive: true, force: true })
    },
    async close() {
      await server.close()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

function request(app: number, tag: string): DeployRequest {
  return {
    id: clock.id(),
    cluster: `c${app % 20}` as Cluster,
    source: `github.com/acme/app${app}`,
    image: { repository: `acme/app${app}`, tag, digest: undefined },
    author: { name: `Dev ${app}`, email: `dev${app}@example.com` },
    acceptedAt: clock.now(),
  }
}
