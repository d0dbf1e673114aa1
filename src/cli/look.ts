/**
 * Commands that look and touch nothing: validate, diff, render.
 *
 * @module
 */
import { check } from '../deploy/check.ts'
import { compare } from '../deploy/compare.ts'
import { engineOf, repoInvalid, targetOf, wantedOf } from '../deploy/survey.ts'
import { showProblem } from '../error.ts'
import { renderedFiles } from '../manifest/rendered.ts'
import type { World } from '../ports.ts'
import type { Cluster, Commit } from '../release/ids.ts'
import { showUnit } from '../release/release.ts'
import { plain } from '../text.ts'
import { printerOf } from './deploy.ts'
import type { Edges } from './edges.ts'
import { clusterOf, common, whereOf, withCluster } from './options.ts'
import { tipOf } from '../deploy/tip.ts'

type Exit = (code: number) => void

/** Git's own name for no commit: a work tree is looked at before there is one. */
const unborn = '0'.repeat(40) as Commit

/** `mgo validate`. */
export function validateCommand(edges: Edges, exit: Exit) {
  return common('validate', 'all that can be said about the repo without a cluster, every problem at once')
    .option('--cluster <name>', 'one cluster only (default: all)')
    .addHelpText('after', '\nA clone is read as it lies there, committed or not.\n\nExit: 0 valid, 2 problems')
    .action(async (flags) => {
      const print = printerOf(flags, edges)
      const only = flags.cluster === undefined ? undefined : clusterOf(flags.cluster)
      const where = whereOf(flags, edges.env)
      const { repo, close } = await edges.open({ ...where, commitOnly: true }, print.told)
      try {
        const commit = repo.workTree === undefined ? await tipOf(repo) : unborn
        const checked = await check(commit, repo.workTree ?? repo, { only, ...where })
        const { problems } = checked
        if (flags.output === 'json') print.json(checked)
        else if (problems.length > 0) {
          print.note(problems.map(showProblem).join('\n'))
          print.result(`${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`)
        } else
          print.result(`valid: ${checked.clusters.join(', ')} (${checked.releases} releases, ${checked.raw} raw files)`)
        exit(problems.length > 0 ? 2 : 0)
      } finally {
        await close()
      }
    })
}

/** `mgo diff`. */
export function diffCommand(edges: Edges, exit: Exit) {
  return withCluster('diff', 'what a sync would change, against the live cluster; secrets are masked')
    .requiredOption('--cluster <name>', 'the folder below installations/')
    .option('--exit-code', 'exit 1 where something differs (that is so anyway; kept for scripts)')
    .addHelpText('after', '\nExit: 0 same, 1 differs, more: error')
    .action(async (flags) => {
      const print = printerOf(flags, edges)
      const cluster = clusterOf(flags.cluster)
      const { world, close } = await edges.open(whereOf(flags, edges.env), print.told)
      try {
        const compared = await compare(cluster, { commit: await tipOf(world.repo) }, world)
        const differs = compared.some((one) => one.differences.length > 0)
        if (flags.output === 'json') print.json(compared)
        else if (!differs) print.result(`${cluster} is as the repo asks`)
        for (const { unit, differences } of flags.output === 'json' ? [] : compared)
          for (const { kind, text } of differences) print.result(`${unit}: ${kind}\n${plain(text)}`)
        exit(differs ? 1 : 0)
      } finally {
        await close()
      }
    })
}

/** `mgo render`. */
export function renderCommand(edges: Edges, exit: Exit) {
  return withCluster('render', 'the manifests as they would be applied; no cluster is asked')
    .requiredOption('--cluster <name>', 'the folder below installations/')
    .option('--out <folder>', 'write one file an object into this folder (default: print)')
    .action(async (flags) => {
      const print = printerOf(flags, edges)
      const cluster = clusterOf(flags.cluster)
      const { world, close } = await edges.open({ ...whereOf(flags, edges.env), commitOnly: true }, print.told)
      try {
        const files = await render(cluster, world)
        if (flags.out !== undefined) {
          await edges.writeFiles(flags.out, files)
          print.note(`${files.size} objects in ${flags.out}`)
        } else if (flags.output === 'json')
          print.json(Object.fromEntries([...files].map(([path, bytes]) => [path, decode(bytes)])))
        else print.result([...files].map(([path, bytes]) => `# ${path}\n${decode(bytes)}`).join('---\n'))
        exit(0)
      } finally {
        await close()
      }
    })
}

async function render(cluster: Cluster, world: World): Promise<ReadonlyMap<string, Uint8Array>> {
  const wanted = await wantedOf(cluster, await tipOf(world.repo), world)
  if (wanted.problems.length > 0) throw repoInvalid(wanted.problems)
  const target = targetOf(wanted, world, world.offline)
  const units = []
  for (const unit of [...wanted.units, ...wanted.rendered]) {
    const objects = await engineOf(unit, world.engines).render(unit, target)
    units.push({ name: showUnit(unit), objects })
  }
  return renderedFiles(units)
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
