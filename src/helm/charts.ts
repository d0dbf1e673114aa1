/**
 * A chart reference → a chart on disk: a path of the repo laid out from git, or an archive (pull.ts).
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { MgoError } from '../error.ts'
import type { Repo, Target } from '../ports.ts'
import type { Commit } from '../release/ids.ts'
import type { ChartRef, Release, Settings } from '../release/release.ts'
import type { Helm } from './program.ts'
import { filled, pullChart } from './pull.ts'

/** Where a chart comes from, after the repositories of mygitops.yaml were looked up. */
export type ChartSource =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'pull'; readonly chart: string; readonly repositoryUrl: string | undefined }

/** Looks a chart up. Throws REPO_INVALID for a repository that mygitops.yaml does not have. */
function chartSource(chart: ChartRef, settings: Settings): ChartSource {
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

/** Gives the folder or archive of a chart. Throws MgoError CHART_INVALID, and what `pullChart` throws. */
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
  const folder = join(home, 'laid', key.digest('hex').slice(0, 32))
  if (existsSync(folder)) return folder
  return filled(join(home, 'laid'), async (into) => {
    await repo.lay(commit, path, into)
    return folder
  })
}
