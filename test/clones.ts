/**
 * Clones of a bare repo, and a deploy made in one of them.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { commitBatch } from '../src/deploy/commit.ts'
import { MgoError } from '../src/error.ts'
import { openRepo } from '../src/git/repo.ts'
import type { Clock, Repo } from '../src/ports.ts'
import { type Cluster, requestId } from '../src/release/ids.ts'
import type { DeployRequest } from '../src/release/request.ts'
import { openSecrets } from '../src/secrets.ts'
import { git, makeBare } from './git-server.ts'

export const root = mkdtempSync(join(tmpdir(), 'mgo-clone-'))
after(() => rmSync(root, { recursive: true, force: true }))

const clock: Clock = {
  now: () => Date.now(),
  id: () => requestId(Date.now(), randomBytes(16)),
  sleep: async () => undefined,
}
export const path = 'installations/prod/app-values.yaml'
export const before =
  '__mygitops:\r\n  chart: ./chart\r\n  images:\r\n    src: { image: "acme/app:v1" }\r\n# no newline at the end'

export function cloned(name: string): { readonly bare: string; readonly clone: string } {
  const bare = makeBare(root, `${name}.git`, {
    [path]: before,
    'README.md': 'hello\n',
    '.gitattributes': '*.yaml text eol=lf\n',
  })
  git(bare, 'config', 'core.autocrlf', 'false')
  git(root, 'clone', '--quiet', bare, name)
  return { bare, clone: join(root, name) }
}

const request = (tag: string): DeployRequest => ({
  id: clock.id(),
  cluster: 'prod' as Cluster,
  source: 'src',
  image: { repository: 'acme/app', tag, digest: undefined },
  author: { name: 'Ada', email: 'ada@example.com' },
  acceptedAt: clock.now(),
})

export function opened(clone: string, commitOnly: boolean): Promise<Repo> {
  const env = { PATH: process.env['PATH'] ?? '' }
  const committer = { name: 'mgo', email: 'mgo@localhost' }
  return openRepo(clone, { mirrors: join(root, 'state'), committer, env, commitOnly, secrets: openSecrets() })
}

export async function deploy(clone: string, commitOnly = false, tag = 'v2') {
  const repo = await opened(clone, commitOnly)
  try {
    const nothing = { tell: () => undefined, attempting: async () => undefined, unready: async () => new Map() }
    return await commitBatch([{ request: request(tag) }], { repo, clock, ...nothing })
  } finally {
    await repo.close()
  }
}

export function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof MgoError && error.code === expected
}
