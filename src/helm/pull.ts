/**
 * A chart of a repository → an archive on disk, pulled once and kept. A password reaches helm over its standard input or
 * in a file of its own, never as an argument; it goes to the repository whose address the operator's file names.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { MgoError } from '../error.ts'
import type { ChartLogin } from '../ports.ts'
import { checkArchive } from './archive.ts'
import { pullArgs, repoAddArgs } from './args.ts'
import { pullError } from './error.ts'
import { refuseLinkName } from './link-name.ts'
import type { Helm } from './program.ts'
import { inFolder } from './work.ts'

export type Pulling = {
  /** A name in the repository at `repositoryUrl`, or a whole oci:// address. */
  readonly chart: string
  readonly repositoryUrl: string | undefined
  readonly version: string | undefined
}

const pullMs = 120_000
/** What helm takes for a range (`1.2` is one) is looked up anew each time. */
const isExact = /^v?\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/

/** Gives the archive of a chart. Throws MgoError CHART_UNAVAILABLE, CHART_INVALID, REGISTRY_DENIED, CONFIG_INVALID. */
export async function pullChart(asked: Pulling, helm: Helm): Promise<string> {
  const { chart, repositoryUrl, version } = asked
  if (repositoryUrl !== undefined && /^https?:\/\/[^/]*@/.test(repositoryUrl)) throw passwordInUrl(chart)
  const pulled = join(helm.home, 'pulled')
  const exact = isExact.test(version ?? '') ? join(pulled, keyOf([repositoryUrl, chart, version])) : undefined
  if (exact !== undefined && existsSync(exact)) return archiveIn(exact, chart)
  return filled(pulled, async (into) => {
    await pull(asked, helm, into)
    const archive = archiveIn(into, chart)
    await checkArchive(archive, chart)
    return exact ?? join(pulled, keyOf([repositoryUrl, chart, 'found', archive.slice(into.length)]))
  }).then((folder) => archiveIn(folder, chart))
}

function keyOf(parts: readonly (string | undefined)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
}

async function pull(asked: Pulling, helm: Helm, into: string): Promise<void> {
  const { chart, repositoryUrl, version } = asked
  await refuseLinkName(repositoryUrl ?? chart)
  const what = `pull the chart ${chart} ${version ?? ''}`.trim() + (repositoryUrl ? ` from ${repositoryUrl}` : '')
  const logins = await helm.logins()
  const login = logins.find(({ url }) => repositoryUrl !== undefined && bare(url) === bare(repositoryUrl))
  if (login !== undefined) return pullAs(login, { asked, helm, into, what })
  const args = pullArgs({ ...asked, into, plainHttp: helm.isPlain(chart) })
  const ran = await helm.run(args, { timeoutMs: pullMs })
  if (ran.code !== 0) throw pullError(what, ran)
}

function bare(url: string): string {
  return url.replace(/\/+$/, '')
}

type As = { readonly asked: Pulling; readonly helm: Helm; readonly into: string; readonly what: string }

/** `helm pull --repo` takes a password only as an argument; a repository that was added has it in its file. */
async function pullAs(login: ChartLogin, { asked, helm, into, what }: As): Promise<void> {
  return inFolder(helm.home, async (folder) => {
    const env = { HELM_REPOSITORY_CONFIG: join(folder, 'repositories.yaml'), HELM_REPOSITORY_CACHE: folder }
    const added = await helm.run(repoAddArgs(login), { env, input: login.password, timeoutMs: pullMs })
    if (added.code !== 0) throw pullError(what, added)
    const { version } = asked
    const named = { chart: `mgo/${asked.chart}`, repositoryUrl: undefined, version, into, plainHttp: false }
    const ran = await helm.run(pullArgs(named), { env, timeoutMs: pullMs })
    if (ran.code !== 0) throw pullError(what, ran)
  })
}

function archiveIn(folder: string, chart: string): string {
  const [archive] = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  if (archive !== undefined) return join(folder, archive)
  throw new MgoError({
    code: 'CHART_UNAVAILABLE',
    message: `helm pulled no archive of ${chart}`,
    hint: 'Look at the repository.',
  })
}

/**
 * Fills a new folder and gives it its name; whoever is killed meanwhile leaves nothing half. `fill` says what the folder is
 * to be called, which may be known only when it is full. One that is there already stays.
 */
export async function filled(within: string, fill: (into: string) => Promise<string>): Promise<string> {
  mkdirSync(within, { recursive: true, mode: 0o700 })
  const half = mkdtempSync(join(within, 'half-'))
  try {
    const folder = await fill(half)
    if (!existsSync(folder)) rename(half, folder)
    return folder
  } finally {
    rmSync(half, { recursive: true, force: true })
  }
}

/** Another process may be there first. */
function rename(half: string, folder: string): void {
  try {
    renameSync(half, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  }
}

function passwordInUrl(chart: string): MgoError {
  return new MgoError({
    code: 'CHART_UNAVAILABLE',
    message: `the helm repository of ${chart} has a password in its url, which everybody who reads the repo sees`,
    hint: 'Take it out, and give the login in the file that HELM_REPOSITORY_CONFIG names.',
  })
}
