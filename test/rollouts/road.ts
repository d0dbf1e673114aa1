/**
 * The roads by which a release comes to the cluster through mgo: raw files, a chart with helm 3, a chart with helm 4.
 * Each case has a gitops repo of its own and is a cluster of its own for mgo; a change is pushed to the repo, and
 * `mgo sync` brings it there, as a pipeline would.
 *
 * Raw files name the case's namespace in every object that has one; the chart's templates name none, helm is told.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { K8sObject } from '../../src/release/object.ts'
import { git, makeBare, put } from '../git-server.ts'
import { makeMgo } from '../mgo.ts'
import type { Ground } from './ground.ts'

export type RoadName = 'raw' | 'helm3' | 'helm4'
export const roadNames: readonly RoadName[] = ['raw', 'helm3', 'helm4']

/** What a tool said of a deploy. `sentence` holds all its words: reason, evidence, hint. */
export type Said = {
  readonly word: string
  readonly code: string | undefined
  readonly sentence: string
  /** From the start of its process to its end. */
  readonly seconds: number
  readonly exit: number
}

/** A way to deploy one case. */
export type Tool = {
  /** Brings the first version there; waits for nothing. */
  before(objects: readonly K8sObject[]): Promise<void>
  /** The deploy under test. */
  after(objects: readonly K8sObject[], timeoutSeconds: number): Promise<Said>
  close(): void
}

export type Opening = { readonly ground: Ground; readonly road: RoadName; readonly kubeconfig: string }

type Files = Readonly<Record<string, string>>

/** YAML as Kubernetes reads it (1.1: `on` is no text). */
export function yaml(objects: readonly K8sObject[]): string {
  return objects.map((one) => stringify(one, { version: '1.1', lineWidth: 0 })).join('---\n')
}

async function rawFiles(objects: readonly K8sObject[], { namespace, place }: Ground): Promise<Files> {
  const placed = await Promise.all(objects.map(place))
  return { [`installations/${namespace}/${namespace}-raw.yaml`]: yaml(placed) }
}

/** A chart of these objects. */
export function chartOf(objects: readonly K8sObject[]): Files {
  return {
    'charts/case/Chart.yaml': 'apiVersion: v2\nname: case\nversion: 0.1.0\n',
    'charts/case/templates/all.yaml': yaml(objects).replaceAll('{{', '{{ "{{" }}'),
  }
}

function chartFiles(objects: readonly K8sObject[], { namespace }: Ground): Files {
  return {
    ...chartOf(objects),
    [`installations/${namespace}/case-values.yaml`]: `__mygitops: { chart: ./charts/case, namespace: ${namespace} }\n`,
  }
}

type Verdict = {
  readonly verdict: string
  readonly releases?: readonly {
    readonly verdict: string
    readonly reason: string
    readonly code?: string
    readonly hint?: string
    readonly evidence?: readonly { readonly object: string; readonly says: string }[]
  }[]
  readonly problem?: { readonly code: string; readonly message: string; readonly hint: string }
}

/** Opens mgo for one case. */
export function openRoad({ ground, road, kubeconfig }: Opening): Tool {
  const { rig, namespace } = ground
  const home = mkdtempSync(join(tmpdir(), 'mgo-rollout-'))
  const settings = stringify({ clusters: { [namespace]: { context: rig.context } } })
  const bare = makeBare(home, 'case.git', { 'mygitops.yaml': settings })
  const work = join(home, 'work')
  git(home, 'clone', '--quiet', bare, work)
  const helm = join(rig.bin, road === 'helm3' ? 'helm3' : 'helm4')
  const mgo = makeMgo({ repo: bare, kubeconfig, helm })
  const push = async (objects: readonly K8sObject[]) => {
    put(work, road === 'raw' ? await rawFiles(objects, ground) : chartFiles(objects, ground))
    git(work, 'add', '--all')
    git(work, 'commit', '--quiet', '--allow-empty', '-m', 'Change')
    git(work, 'push', '--quiet')
  }
  const sync = (...args: readonly string[]) => mgo.run('sync', '--cluster', namespace, '-o', 'json', ...args)
  return {
    async before(objects) {
      await push(objects)
      const { code, stdout, stderr } = await sync('--no-wait')
      if (code !== 0) throw new Error(`the first version of ${namespace} was not taken: ${stdout}${stderr}`)
    },
    async after(objects, timeoutSeconds) {
      await push(objects)
      const started = performance.now()
      const { code, stdout, stderr } = await sync('--timeout', `${timeoutSeconds}s`)
      const seconds = (performance.now() - started) / 1000
      return { ...read(stdout, stderr), seconds, exit: code }
    },
    close() {
      mgo.remove()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

function read(stdout: string, stderr: string): Pick<Said, 'word' | 'code' | 'sentence'> {
  if (!stdout.trimStart().startsWith('{')) return { word: 'nothing', code: undefined, sentence: stderr.trim() }
  const { verdict, releases = [], problem } = JSON.parse(stdout) as Verdict
  const [release] = releases
  const words = [
    release?.reason,
    problem?.message,
    ...(release?.evidence ?? []).map(({ object, says }) => `${object}: ${says}`),
    release?.hint,
    problem?.hint,
  ]
  return {
    word: verdict,
    code: release?.code ?? problem?.code,
    sentence: words.filter((one) => one !== undefined && one !== '').join(' · '),
  }
}
