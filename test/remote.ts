/**
 * One request on a remote of the tests: opened with a mirror of its own, committed, closed.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commitBatch } from '../src/deploy/commit.ts'
import type { Outcome } from '../src/deploy/outcome.ts'
import { MgoError } from '../src/error.ts'
import { openRepo } from '../src/git/repo.ts'
import type { Repo } from '../src/ports.ts'
import type { Cluster } from '../src/release/ids.ts'
import { openSecrets } from '../src/secrets.ts'
import { hasty as clock } from './clock.ts'
import { makeBare, startGitServer } from './git-server.ts'

export const server = await startGitServer()
export const root = mkdtempSync(join(tmpdir(), 'mgo-remotes-'))

/** For `after`. */
export async function tidy(): Promise<void> {
  await server.close()
  rmSync(root, { recursive: true, force: true })
}

/** A repo for what never gets as far as a commit. */
export const untouched = 'untouched.git'
export const path = 'installations/prod/app-values.yaml'
export const text = (source = 'github.com/acme/app', tag = 'v1') =>
  `__mygitops:\n  chart: ./chart\n  images:\n    ${source}: { repository: acme/app, tag: ${tag} }\n`

makeBare(server.root, untouched, { [path]: text() })
let mirrors = 0
export function open(
  where: string,
  more: {
    readonly branch?: string
    readonly env?: Record<string, string>
    readonly mirrors?: string
    readonly timeoutMs?: number
  } = {},
): Promise<Repo> {
  return openRepo(where, {
    mirrors: more.mirrors ?? join(root, `mirrors-${mirrors++}`),
    branch: more.branch,
    timeoutMs: more.timeoutMs,
    committer: { name: 'mgo', email: 'mgo@localhost' },
    secrets: openSecrets(),
    env: { PATH: process.env['PATH'] ?? '', ...more.env },
  })
}

export async function deploy(repo: Repo, tag = 'v2', source = 'github.com/acme/app'): Promise<Outcome | undefined> {
  const image = { repository: 'acme/app', tag, digest: undefined }
  const author = { name: 'Ada', email: 'ada@example.com' }
  const asked = { id: clock.id(), cluster: 'prod' as Cluster, source, image, author, acceptedAt: clock.now() }
  try {
    const nothing = { tell: () => undefined, attempting: async () => undefined, unready: async () => new Map() }
    return (await commitBatch([{ request: asked }], { repo, clock, ...nothing }))[0]
  } finally {
    await repo.close()
  }
}

export const code =
  (expected: string, says = /./) =>
  (error: unknown) =>
    error instanceof MgoError && error.code === expected && says.test(`${error.message} ${error.hint}`)
