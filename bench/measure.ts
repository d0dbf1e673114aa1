/**
 * What every measurement needs: the machine it ran on, and figures from samples.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { cpus, loadavg, totalmem } from 'node:os'
import { promisify } from 'node:util'

const call = promisify(execFile)

/** Versions and load, for the JSON of a run. */
export async function surroundings() {
  const git = (await call('git', ['--version'])).stdout.trim()
  const load = loadavg().map((one) => Math.round(one * 100) / 100)
  return { at: new Date().toISOString(), node: process.version, git, cpus: cpus().length, memory: totalmem(), load }
}

/** Milliseconds of one call. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

/** Median, 99th percentile and spread of samples, in the unit of the samples. */
export function figures(samples: readonly number[]) {
  const sorted = [...samples].sort((a, b) => a - b)
  const at = (share: number) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN)
  return { p50: at(0.5), p99: at(0.99), least: at(0), most: at(1), samples: samples.map(round) }
}

function round(n: number): number {
  return Math.round(n * 100) / 100
}

/** The number behind `--name`, or the default. */
export function number(args: readonly string[], name: string, otherwise: number): number {
  const i = args.indexOf(`--${name}`)
  return i < 0 ? otherwise : Number(args[i + 1])
}
