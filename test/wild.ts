/**
 * Charts as they are published, through the whole command line on a rig: `npm run wild -- FOLDER...`, each the unpacked
 * folder of a chart with an `image:` that has a repository and a tag. Read only; nothing of them is kept.
 *
 * @module
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parse } from 'yaml'
import { git } from './git-server.ts'
import { makeMgo, type Mgo } from './mgo.ts'
import { startRig } from './rig/rig.ts'

type Image = { readonly repository: string; readonly tag: string }

const say = (line: string): void => console.log(line)

function imageOf(chart: string): Image {
  const read = (file: string) => parse(readFileSync(join(chart, file), 'utf8')) as Record<string, unknown>
  const image = read('values.yaml')['image'] as { repository?: string; tag?: string } | undefined
  if (image?.repository === undefined) throw new Error(`${chart}/values.yaml has no image.repository`)
  return { repository: image.repository, tag: image.tag || String(read('Chart.yaml')['appVersion']) }
}

function values(name: string, { repository, tag }: Image): string {
  return `__mygitops:
  chart: ./charts/${name}
  namespace: wild
  images:
    github.com/wild/${name}: &image # as its own values have it
      repository: ${repository}
      tag: "${tag}"
image: *image
`
}

function makeRepo(root: string, charts: readonly string[], cluster: string): string {
  const [bare, work] = [join(root, 'gitops.git'), join(root, 'gitops')]
  mkdirSync(join(work, 'installations', cluster), { recursive: true })
  for (const chart of charts) {
    const name = basename(chart)
    cpSync(chart, join(work, 'charts', name), { recursive: true })
    writeFileSync(join(work, 'installations', cluster, `${name}-values.yaml`), values(name, imageOf(chart)))
  }
  git(root, 'init', '--quiet', '--bare', '--initial-branch=main', bare)
  git(work, 'init', '--quiet', '--initial-branch=main')
  git(work, 'add', '--all', '--force')
  git(work, 'commit', '--quiet', '-m', 'Charts as they are published')
  git(work, 'push', '--quiet', bare, 'main')
  return bare
}

/** Every command with the exit code that it must have. */
function steps(charts: readonly string[], out: string): readonly (readonly [want: number, args: readonly string[]])[] {
  const deploys = charts.map((chart) => {
    const name = basename(chart)
    const { repository, tag } = imageOf(chart)
    const args = [
      '--source',
      `github.com/wild/${name}`,
      '--image',
      `${repository}:${tag}-next`,
      '--author',
      'Wild <w@x>',
    ]
    return [0, ['deploy', '--cluster', 'wild', ...args]] as const
  })
  const on = ['--cluster', 'wild']
  return [
    [0, ['validate', ...on]],
    [1, ['diff', ...on, '--exit-code']],
    [0, ['sync', ...on]],
    [0, ['diff', ...on, '--exit-code']],
    ...deploys,
    [0, ['diff', ...on, '--exit-code']],
    [0, ['sync', ...on]],
    [0, ['render', ...on, '--out', out]],
    [0, ['status', ...on]],
  ]
}

async function walk(mgo: Mgo, charts: readonly string[]): Promise<number> {
  let wrong = 0
  for (const [want, args] of steps(charts, join(mgo.state, 'rendered'))) {
    const { code, stdout, stderr } = await mgo.run(...args)
    const good = code === want
    if (!good) wrong++
    say(`${good ? 'ok    ' : 'FAILED'} mgo ${args.join(' ')} (exit ${code}, wanted ${want})`)
    if (!good || args[0] !== 'diff') say(`${stdout}${good ? '' : stderr}`.trimEnd().replace(/^/gm, '       '))
  }
  return wrong
}

const charts = process.argv.slice(2).map((folder) => folder.replace(/\/+$/, ''))
if (charts.length === 0) {
  say('usage: npm run wild -- FOLDER... (unpacked charts)')
  process.exitCode = 2
} else {
  const root = mkdtempSync(join(tmpdir(), 'mgo-wild-'))
  let wrong = 0
  for (const helm of ['helm3', 'helm4']) {
    say(`\n${helm}`)
    const rig = await startRig({ name: 'wild', say })
    const folder = join(root, helm)
    mkdirSync(folder)
    const mgo = makeMgo({
      repo: makeRepo(folder, charts, 'wild'),
      kubeconfig: rig.kubeconfig,
      helm: join(rig.bin, helm),
    })
    wrong += await walk(mgo, charts).finally(() => rig.stop())
    mgo.remove()
  }
  rmSync(root, { recursive: true, force: true })
  say(wrong === 0 ? 'All as wanted.' : `${wrong} commands did not end as wanted.`)
  process.exitCode = wrong === 0 ? 0 : 1
}
