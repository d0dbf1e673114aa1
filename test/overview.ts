/**
 * What a server tells of clusters, over a real repo that has no cluster: git says what is asked for, and nobody looks at
 * pods. What a sync would change is told by a stand-in, which says of each release that it is to be applied.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Compared } from '../src/deploy/compare.ts'
import { openOverview, type Overview } from '../src/deploy/overview.ts'
import { openRepo } from '../src/git/repo.ts'
import type { World } from '../src/ports.ts'
import { openSecrets } from '../src/secrets.ts'
import { clock } from './clock.ts'
import { git, makeBare, put } from './git-server.ts'

/** A release whose image is built from the source of its name. */
export const file = (name: string, tag = 'v1', more = '') =>
  `__mygitops:\n  chart: ./chart\n  namespace: app\n  images:\n    github.com/acme/${name}: { repository: ghcr.io/acme/${name}, tag: ${tag} }\n${more}`

export type Watched = {
  readonly overview: Overview
  readonly bare: string
  /** What each plan waits for. */
  gate: () => Promise<unknown>
  commit(files: Readonly<Record<string, string>>, message: string): void
  close(): Promise<void>
}

/** Opens it over these files. */
export async function watch(files: Readonly<Record<string, string>>): Promise<Watched> {
  const root = mkdtempSync(join(tmpdir(), 'mgo-overview-'))
  const bare = makeBare(root, 'gitops.git', files)
  const work = join(root, 'work')
  git(root, 'clone', '--quiet', bare, work)
  const repo = await openRepo(bare, {
    mirrors: join(root, 'mirrors'),
    branch: 'main',
    committer: { name: 'mgo', email: 'mgo@localhost' },
    secrets: openSecrets(),
    env: { PATH: process.env['PATH'] ?? '' },
  })
  const real = openOverview({ repo, clock } as unknown as World, { commitOnly: true })
  const watched = {
    bare,
    gate: async (): Promise<unknown> => undefined,
    overview: {
      ...real,
      compare: async (cluster, { commit, only = () => true }) => {
        await watched.gate()
        const fed = (await real.fed(commit, cluster)).filter(({ release }) => only(release))
        return fed.map(({ release: unit }): Compared => {
          const differences = [{ kind: 'added', object: `Deployment ${unit}`, text: '+ kind: Deployment' }] as const
          return { unit, kind: 'apply', reason: 'not on the cluster yet', differences }
        })
      },
    } satisfies Overview as Overview,
    commit(more: Readonly<Record<string, string>>, message: string) {
      put(work, more)
      git(work, 'add', '--all')
      git(work, 'commit', '--quiet', '-m', message)
      git(work, 'push', '--quiet')
    },
    async close() {
      await repo.close()
      rmSync(root, { recursive: true, force: true })
    },
  }
  return watched
}

const nobody = (): never => {
  throw new Error('nobody asks for clusters here')
}
/** Of a door where nobody asks. */
export const unwatched: Overview = {
  tip: nobody,
  latest: nobody,
  lastTip: nobody,
  clusters: nobody,
  fed: nobody,
  wellbeing: nobody,
  standing: nobody,
  compare: nobody,
  earlier: nobody,
}
