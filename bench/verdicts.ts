/**
 * `npm run bench -- verdicts`: the same rollouts through kubectl, helm 3, helm 4 and mgo, in one run. For each: did it
 * say the right word, did it name the cause, how soon, and for how many requests (audit log; each deploy goes under a
 * name of its own).
 *
 * @module
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { call } from '../test/mgo.ts'
import { type PuppetRig, startPuppetRig } from '../test/puppet/rig.ts'
import { requests } from '../test/rig/audit.ts'
import { clearGround, layGround } from '../test/rollouts/ground.ts'
import { isWord, judge, unsaid } from '../test/rollouts/judge.ts'
import { writeKubeconfig } from '../test/rollouts/kubeconfig.ts'
import { deploy } from '../test/rollouts/play.ts'
import { givenNames, readRollout, rolloutNames, type Want } from '../test/rollouts/rollout.ts'
import { openTool, type ToolName, toolNames } from './tools.ts'

/** One deploy. `cause`: all that a good sentence holds was said. `green`: called healthy, and it was not. */
export type Sample = {
  readonly rollout: string
  readonly tool: ToolName
  readonly want: Want
  readonly word: string
  readonly isRight: boolean
  readonly cause: boolean
  readonly green: boolean
  readonly seconds: number
  readonly requests: number
  readonly load: number
  readonly sentence: string
}

const results = join(import.meta.dirname, 'RESULTS.md')
const samplesFile = join(import.meta.dirname, 'verdicts.json')

export type Result = { readonly versions: Readonly<Record<string, string>>; readonly samples: readonly Sample[] }

/** Runs the benchmark; tells its table on stderr. `--write`: puts it into RESULTS.md, and every sample beside it. */
export async function run(args: readonly string[]): Promise<Result> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      all: { type: 'boolean', default: false },
      limit: { type: 'string', default: '45' },
      width: { type: 'string', default: '2' },
      write: { type: 'boolean', default: false },
    },
  })
  const known = values.all ? rolloutNames() : givenNames()
  const names = positionals.length === 0 ? known : rolloutNames().filter((name) => positionals.includes(name))
  const rig = await startPuppetRig({ name: 'bench', say: (line) => console.error(line) })
  try {
    const versions = await versionsOf(rig)
    const samples = await measure(rig, { names, limit: Number(values.limit), width: Number(values.width) })
    const text = section(samples, { versions, limit: values.limit, width: values.width })
    console.error(text)
    if (values.write) {
      writeFileSync(samplesFile, `${JSON.stringify({ versions, load: loadavg(), samples }, undefined, 1)}\n`)
      writeFileSync(results, replaced(readFileSync(results, 'utf8'), text))
    }
    return { versions, samples }
  } finally {
    await rig.stop()
  }
}

type Measuring = { readonly names: readonly string[]; readonly limit: number; readonly width: number }

/** Tools take turns within a rollout, and every other rollout the other way round: no tool gets the quiet moments. */
async function measure(rig: PuppetRig, { names, limit, width }: Measuring): Promise<readonly Sample[]> {
  const line = names.flatMap((name, i) =>
    (i % 2 === 0 ? toolNames : toolNames.toReversed()).map((tool) => ({ name, tool })),
  )
  const samples: Sample[] = []
  const hand = async () => {
    for (let next = line.shift(); next !== undefined; next = line.shift()) {
      const sample = await once(rig, next, limit)
      console.error(
        `${sample.rollout.padEnd(32)} ${sample.tool.padEnd(8)} ${sample.word.padEnd(10)} ${sample.seconds.toFixed(1)} s, ${sample.requests} requests${sample.green ? ', FALSE GREEN' : ''}`,
      )
      samples.push(sample)
    }
  }
  await Promise.all(Array.from({ length: width }, hand))
  return samples
}

type One = { readonly name: string; readonly tool: ToolName }

async function once(rig: PuppetRig, { name, tool }: One, limit: number): Promise<Sample> {
  const namespace = `${name.slice(0, 36)}-${tool}`
  const rollout = readRollout(name, namespace)
  const ground = await layGround(rig, rollout, namespace)
  const kubeconfig = join(tmpdir(), `mgo-bench-${process.pid}-${namespace}.json`)
  writeKubeconfig(rig.kubeconfig, kubeconfig, { as: namespace })
  const opened = openTool(tool, { ground, kubeconfig })
  let since = new Date()
  try {
    const start = () => {
      since = new Date()
    }
    const said = await deploy({ ground, tool: opened, limit, start })
    // The audit log is written a moment after the answer.
    await new Promise((resolve) => setTimeout(resolve, 300))
    const asked = requests(rig.auditLog, { user: namespace, since })
    const { green } = judge(said, rollout.want)
    const isRight = isWord(said, rollout.want)
    const { word, seconds, sentence } = said
    const load = loadavg()[0] ?? 0
    // Other tools have no codes: the cause counts as named where the text holds all that a good sentence holds.
    const cause = !green && unsaid(said, rollout.want).length === 0
    return {
      rollout: name,
      tool,
      want: rollout.want,
      word,
      isRight,
      cause,
      green,
      seconds,
      requests: asked.length,
      load,
      sentence,
    }
  } finally {
    opened.close()
    rmSync(kubeconfig, { force: true })
    await clearGround(ground)
  }
}

async function versionsOf({ bin }: PuppetRig): Promise<Readonly<Record<string, string>>> {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8')) as {
    version: string
  }
  const ask = async (program: string, ...args: readonly string[]) =>
    (await call(join(bin, program), args)).stdout.trim().split('\n')[0] ?? ''
  return {
    mgo: version,
    node: process.version,
    kubectl: (await ask('kubectl', 'version', '--client')).replace('Client Version: ', ''),
    helm3: await ask('helm3', 'version', '--short'),
    helm4: await ask('helm4', 'version', '--short'),
  }
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

type Told = {
  readonly versions: Readonly<Record<string, string>>
  readonly limit: string
  readonly width: string
}

/** The section of RESULTS.md. */
export function section(samples: readonly Sample[], { versions, limit, width }: Told): string {
  const rows = toolNames.map((tool) => {
    const mine = samples.filter((one) => one.tool === tool)
    const red = mine.filter(({ want }) => want.word !== 'healthy')
    const failed = mine.filter(({ want }) => want.word === 'failed')
    const count = (of: readonly Sample[], which: (one: Sample) => boolean) => of.filter(which).length
    const cells = [
      `${count(mine, (one) => one.isRight)} of ${mine.length}`,
      `${count(red, (one) => one.cause)} of ${red.length}`,
      String(count(mine, (one) => one.green)),
      median(failed.map(({ seconds }) => seconds)).toFixed(1),
      String(median(mine.map((one) => one.requests))),
    ]
    return `| ${tool} | ${cells.join(' | ')} |`
  })
  const names = [...new Set(samples.map(({ rollout }) => rollout))].toSorted()
  const each = names.map((name) => {
    const cells = toolNames.map((tool) => {
      const one = samples.find(({ rollout, tool: by }) => rollout === name && by === tool)
      return one === undefined
        ? ''
        : `${one.green ? '**' : ''}${one.word}${one.green ? '**' : ''} ${one.seconds.toFixed(1)} s`
    })
    const want = samples.find(({ rollout }) => rollout === name)?.want
    return `| ${name} | ${want?.word ?? ''} ${want?.code ?? ''} | ${cells.join(' | ')} |`
  })
  const said = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const loads = samples.map(({ load }) => load)
  return `## Verdicts

${names.length} rollouts with a known end (test/rollouts) on one cluster with puppet nodes, each through \`kubectl apply --server-side\` and
\`rollout status\`, \`helm upgrade --install --wait --wait-for-jobs\` (3 and 4) and \`mgo sync\` of raw files; limit ${limit} s, ${width} at once, load average
${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}. ${said.join(', ')}. A run with \`--write\` leaves every sample in bench/verdicts.json.

| tool | right word | cause of a red one | false green | end of a failing deploy, median s | API requests, median |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

The right word: *healthy* of what is, *failed* of what will not mend itself, *timed out* of what waits for ever. The cause is named where the
tool's output holds all that a good sentence holds. A false green (bold below) is *healthy*, said of what is not.

| rollout | is | ${toolNames.join(' | ')} |
| --- | --- | ${toolNames.map(() => '---').join(' | ')} |
${each.join('\n')}
`
}

/** The page with its section put in the old one's place, or at its end. */
export function replaced(page: string, text: string): string {
  const start = page.search(/^## Verdicts$/m)
  if (start < 0) return `${page.trimEnd()}\n\n${text}`
  const next = page.slice(start + 3).search(/^## /m)
  const rest = next < 0 ? '' : `\n${page.slice(start + 3 + next)}`
  return page.slice(0, start) + text + rest
}

if (process.argv[1] === import.meta.filename) await run(process.argv.slice(2))
