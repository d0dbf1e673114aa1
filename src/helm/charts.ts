/**
 * A chart reference → a chart on disk: a path of the repo laid out from git, or an archive pulled once and kept.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { MgoError } from '../error.ts'
import type { Repo, Target } from '../ports.ts'
import type { Commit } from '../release/ids.ts'
import type { ChartRef, Release, Settings } from '../release/release.ts'
import { pullArgs } from './args.ts'
import { helmError } from './error.ts'
import type { Helm } from './program.ts'

/** Where a chart comes from, after the repositories of mygitops.yaml were looked up. */
export type ChartSource =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'pull'; readonly chart: string; readonly repositoryUrl: string | undefined }

const pullMs = 120_000
/** No chart that people keep is larger; an archive of more is an attack or a mistake. */
const archiveBytes = 64 * 1024 * 1024

/** Looks a chart up. Throws REPO_INVALID for a repository that mygitops.yaml does not have. */
export function chartSource(chart: ChartRef, settings: Settings): ChartSource {
  if (chart.kind === 'path') return { kind: 'path', path: chart.path }
  if (chart.kind === 'oci') return { kind: 'pull', chart: chart.url, repositoryUrl: undefined }
  const url = settings.repositories.find((one) => one.name === chart.repository)?.url
  if (url === undefined)
    throw new MgoError({
      code: 'REPO_INVALID',
      message: `mygitops.yaml has no helm repository ${chart.repository}`,
      hint: 'Add it under helm.repositories.',
    })
  if (url.startsWith('oci://'))
    return { kind: 'pull', chart: `${url.replace(/\/$/, '')}/${chart.chart}`, repositoryUrl: undefined }
  if (/^https?:\/\//.test(url)) return { kind: 'pull', chart: chart.chart, repositoryUrl: url }
  return { kind: 'path', path: `${url.replace(/^\.\//, '').replace(/\/$/, '')}/${chart.chart}` }
}

/** What identifies a chart's bytes: object ids for a path, address and exact version for an archive. */
export async function chartIdentity(release: Release, { repo, commit, settings }: Target): Promise<string> {
  const source = chartSource(release.chart, settings)
  if (source.kind === 'pull') return JSON.stringify([source.repositoryUrl, source.chart, release.version])
  const tree = await repo.tree(commit, source.path)
  return [...tree].map(([path, { mode, oid }]) => `${mode} ${oid} ${path}`).join('\n')
}

/** Gives the folder or archive of a chart. Throws MgoError CHART_UNAVAILABLE, CHART_INVALID. */
export async function fetchChart(release: Release, target: Target, helm: Helm): Promise<string> {
  const source = chartSource(release.chart, target.settings)
  if (source.kind === 'path') return layChart(source.path, target, helm.home)
  return pullChart({ ...source, version: release.version }, helm)
}

type Repository = { readonly repo: Repo; readonly commit: Commit }

async function layChart(path: string, { repo, commit }: Repository, home: string): Promise<string> {
  const tree = await repo.tree(commit, path)
  if (!tree.has(`${path}/Chart.yaml`))
    throw new MgoError({
      code: 'CHART_INVALID',
      message: `the repo has no chart at ${path}: there is no ${path}/Chart.yaml`,
      hint: 'Give the folder of the chart, from the root of the repo.',
    })
  const key = createHash('sha256').update([...tree].map(([name, { mode, oid }]) => `${mode} ${oid} ${name}`).join('\n'))
  return kept(join(home, 'laid', key.digest('hex').slice(0, 32)), (into) => repo.lay(commit, path, into))
}

async function pullChart(
  asked: Extract<ChartSource, { kind: 'pull' }> & { version: string | undefined },
  helm: Helm,
): Promise<string> {
  const { chart, repositoryUrl, version } = asked
  if (repositoryUrl !== undefined && /^https?:\/\/[^/]*@/.test(repositoryUrl))
    throw new MgoError({
      code: 'CHART_UNAVAILABLE',
      message: `the helm repository of ${chart} has a password in its url, which would show in the list of processes`,
      hint: 'Serve it without a password, from an oci:// registry with a login, or keep the chart in the repo.',
    })
  const key = createHash('sha256')
    .update(JSON.stringify([repositoryUrl, chart, version]))
    .digest('hex')
    .slice(0, 32)
  const folder = await kept(join(helm.home, 'pulled', key), async (into) => {
    const ran = await helm.run(pullArgs({ chart, repositoryUrl, version, into }), { timeoutMs: pullMs })
    if (ran.code !== 0) throw helmError(`pull the chart ${chart} ${version ?? ''}`.trim(), ran)
  })
  const [archive] = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  if (archive === undefined)
    throw new MgoError({
      code: 'CHART_UNAVAILABLE',
      message: `helm pulled no archive of ${chart}`,
      hint: 'Look at the repository.',
    })
  if (lstatSync(join(folder, archive)).size > archiveBytes)
    throw new MgoError({
      code: 'CHART_INVALID',
      message: `the archive of ${chart} is larger than 64 MiB`,
      hint: 'Look at what it holds.',
    })
  return join(folder, archive)
}

/** Fills a folder once; whoever is killed meanwhile leaves nothing half. */
async function kept(folder: string, fill: (into: string) => Promise<void>): Promise<string> {
  if (existsSync(folder)) return folder
  mkdirSync(join(folder, '..'), { recursive: true, mode: 0o700 })
  const half = mkdtempSync(`${folder}.`)
  try {
    await fill(half)
    if (!existsSync(folder)) renameSync(half, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  } finally {
    rmSync(half, { recursive: true, force: true })
  }
  return folder
}
