/**
 * `npm run demo`: a request "this image, that cluster" all the way to its verdict, on a cluster when one is at hand.
 *
 *   -- --context NAME   a cluster of your own (it gets a namespace `shop` and one `mgo-system`)
 *   -- --cluster        build the rig first: a real cluster of processes on this machine (15 minutes, once)
 *   -- --keep           leave everything running to play with
 *
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, styleText } from 'node:util'
import { build, isBuilt } from '../test/rig/build.ts'
import { type Rig, startRig } from '../test/rig/rig.ts'
import { demoHelm } from './helm.ts'
import { git, makeSample } from './sample.ts'

const { values: flags } = parseArgs({
  options: {
    context: { type: 'string' },
    cluster: { type: 'boolean' },
    keep: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
})
const root = join(import.meta.dirname, '..')
const say = (line: string) => console.log(line)
const head = (line: string) => say(`\n${styleText('bold', line)}`)

type Ground = { readonly rig: Rig | undefined; readonly context: string; readonly kubeconfig: string | undefined }

/** A cluster of the user's, the rig, or none. */
async function ground(): Promise<Ground> {
  if (flags.context !== undefined)
    return { rig: undefined, context: flags.context, kubeconfig: process.env['KUBECONFIG'] }
  if (flags.cluster === true) await build(say)
  if (!isBuilt()) return { rig: undefined, context: 'demo', kubeconfig: undefined }
  say('starting a real cluster: etcd, API server, controllers, scheduler, and nodes that play pods')
  const rig = await startRig({ name: 'demo' })
  return { rig, context: rig.context, kubeconfig: rig.kubeconfig }
}

/** A server logs one JSON object a line where nobody watches; here somebody does. */
function readable(line: string): string {
  try {
    const { time, msg } = JSON.parse(line) as { time: string; msg: string }
    return `${time.slice(11, 23)} ${msg}`
  } catch {
    return line
  }
}

type Service = { readonly child: ChildProcess; readonly url: string }

async function serve(bare: string, env: Readonly<Record<string, string>>): Promise<Service> {
  const child = spawn(
    process.execPath,
    [join(root, 'src', 'main.ts'), 'serve', '--gitops-repo', bare, '--listen', '127.0.0.1:0'],
    { env, stdio: ['ignore', 'inherit', 'pipe'] },
  )
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error('mgo serve ended; its words stand above')))
    child.stderr?.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().trimEnd().split('\n')) say(`  ${styleText('dim', readable(line))}`)
      const found = /listens on (http:\S+),/.exec(chunk.toString())?.[1]
      if (found !== undefined) resolve(found)
    })
  })
  return { child, url }
}

/** The very line of a CI job. */
function curl(url: string, tag: string): Promise<number> {
  const fields = [
    'triggerRepo=github.com/acme/shop',
    'imageRepo=localhost:5000/acme/shop',
    `imageTag=${tag}`,
    'cluster=demo',
    'author=Ada Lovelace <ada@example.com>',
  ]
  say(`  $ curl --fail-with-body ${url}/deploy \\\n${fields.map((field) => `      --data "${field}"`).join(' \\\n')}`)
  return new Promise((resolve, reject) => {
    const child = spawn(
      'curl',
      [
        '--silent',
        '--show-error',
        '--fail-with-body',
        `${url}/deploy`,
        ...fields.flatMap((field) => ['--data', field]),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let answer = ''
    child.stdout.on('data', (chunk: Buffer) => {
      answer += chunk.toString()
    })
    child.on('error', () =>
      reject(new Error('curl could not be started: install curl, for the demo sends what a CI job sends')),
    )
    child.on('close', (code) => {
      const { verdict, error } = JSON.parse(answer) as { verdict?: object; error?: string }
      say(`  curl ended with ${code}; ${error === undefined ? 'the verdict:' : `error: ${error}`}`)
      if (verdict !== undefined) say(JSON.stringify(verdict, undefined, 2).replace(/^/gm, '  '))
      resolve(code ?? -1)
    })
  })
}

async function show(folder: string, { rig, context, kubeconfig }: Ground): Promise<boolean> {
  const engine = kubeconfig === undefined && flags.context === undefined ? 'render' : 'helm'
  const helm = demoHelm(rig?.bin, say)
  const bare = makeSample(folder, { cluster: 'demo', context, engine })
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? folder,
    MGO_STATE: join(folder, 'state'),
    MGO_HELM: helm,
    ...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }),
  }
  head(`1. mgo serves the gitops repo ${bare}`)
  const { child, url } = await serve(bare, env)
  try {
    head('2. The first sync, as `mgo sync` does it')
    spawnSync(process.execPath, [join(root, 'src', 'main.ts'), 'sync', '--gitops-repo', bare, '--cluster', 'demo'], {
      env,
      stdio: 'inherit',
    })
    head('3. A CI job says: this image, that cluster')
    const code = await curl(url, 'v2')
    head('4. What the gitops repo got: one commit, by the one who asked, and only the meant bytes')
    say(git(bare, 'show', '--format=commit %h%nAuthor: %an <%ae>%n%n%B', 'main').replace(/^/gm, '  '))
    const bad = engine === 'helm' && rig !== undefined ? await failing(url) : 0
    if (engine === 'render') plainly(bare)
    if (flags.keep === true) await keep({ url, bare, kubeconfig })
    return code === 0 && bad === 0
  } finally {
    child.kill('SIGTERM')
    await new Promise((resolve) => child.once('exit', resolve))
  }
}

async function failing(url: string): Promise<number> {
  head('5. A tag that nobody pushed: the job fails, and says why')
  return (await curl(url, 'missing')) === 22 ? 0 : 1
}

function plainly(bare: string): void {
  head('5. What the branch rendered/demo got')
  say(git(bare, 'show', '--stat', '--format=commit %h by %an: %s', 'rendered/demo').replace(/^/gm, '  '))
  head('No cluster was at hand, so this ran on the engine `render`: the manifests were committed, nothing was applied.')
  say('Not shown: helm bringing a cluster to it, the new pods being watched, and a verdict about them.')
  say('To see that too:  npm run demo -- --context NAME   (a cluster of yours)')
  say('              or  npm run demo -- --cluster        (builds one on this machine; about 15 minutes, once)')
}

async function keep({
  url,
  bare,
  kubeconfig,
}: {
  url: string
  bare: string
  kubeconfig: string | undefined
}): Promise<void> {
  head('Left running until Ctrl-C')
  say(`  server      ${url}\n  gitops repo ${bare}\n  kubeconfig  ${kubeconfig ?? 'none'}`)
  await new Promise((resolve) => process.once('SIGINT', resolve))
}

if (flags.help === true) {
  say('npm run demo [-- --context NAME | --cluster] [--keep]')
} else {
  const folder = mkdtempSync(join(tmpdir(), 'mgo-demo-'))
  const at = await ground()
  const good = await show(folder, at).finally(async () => {
    await at.rig?.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  head(
    good
      ? 'Done. README.md shows how to begin with a repo of your own.'
      : 'The demo did not end as it should; its words stand above.',
  )
  process.exitCode = good ? 0 : 1
}
