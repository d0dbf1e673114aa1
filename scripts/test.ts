/**
 * `npm test`: the check, then the rig (built when it is not there), then every test that needs git servers, helm and
 * a real cluster, a file after the other. A file that fails is run once more, alone at the end, and both ends are told:
 * what fails twice is broken, what fails once is unsteady and somebody's next work. In CI a skipped test is a failure.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'

type Ended = { readonly code: number; readonly output: string }

/** Longer than any file takes: what stays beyond it hangs, and must not hold up the others. */
const fileLimitMs = 15 * 60_000

/** The process groups that run now: a file may have servers and clusters below it. */
const running = new Set<number>()

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    for (const pid of running) endGroup(pid)
    process.exit(1)
  })

function call(args: readonly string[], limitMs?: number): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
    const pid = child.pid ?? 0
    running.add(pid)
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      process.stdout.write(chunk)
    })
    const late = () => {
      console.error(`did not end within ${(limitMs ?? 0) / 60_000} minutes, and was ended`)
      endGroup(pid)
    }
    const timer = limitMs === undefined ? undefined : setTimeout(late, limitMs)
    child.on('exit', () => {
      clearTimeout(timer)
      // What a test left behind would hold the pipe, and the end of it all, for ever.
      endGroup(pid)
    })
    child.on('close', (code) => {
      running.delete(pid)
      resolve({ code: code ?? 1, output })
    })
  })
}

type Counts = Readonly<Record<'tests' | 'pass' | 'fail' | 'skipped', number>>
type Told = { readonly file: string; readonly code: number; readonly counts: Counts }

/** The runner's own closing lines: `ℹ pass 12`. */
function countsOf(output: string): Counts {
  const count = (word: string) => Number(new RegExp(`^ℹ ${word} (\\d+)`, 'm').exec(output)?.[1] ?? 0)
  return { tests: count('tests'), pass: count('pass'), fail: count('fail'), skipped: count('skipped') }
}

/** Runs files one after the other. */
async function runAll(files: readonly string[]): Promise<readonly Told[]> {
  const told: Told[] = []
  for (const file of files) {
    console.log(`\n${file}`)
    const { code, output } = await call(['--test', '--test-force-exit', '--test-timeout=600000', file], fileLimitMs)
    told.push({ file, code, counts: countsOf(output) })
  }
  return told
}

/** The closing lines of all files together; gives the exit code. */
function close(told: readonly Told[], unsteady: readonly string[]): number {
  const sum = (word: keyof Counts) => told.reduce((all, { counts }) => all + counts[word], 0)
  for (const file of unsteady) console.log(`unsteady: ${file} failed once and passed when it ran again, alone`)
  const failed = told.filter(({ code }) => code !== 0)
  for (const { file } of failed) console.log(`FAILED twice: ${file}`)
  for (const word of ['tests', 'pass', 'fail', 'skipped'] as const) console.log(`ℹ ${word} ${sum(word)}`)
  if (sum('skipped') > 0 && process.env['CI'] !== undefined) {
    console.error('Tests were skipped, which CI takes for a failure.')
    return 1
  }
  return failed.length === 0 ? 0 : 1
}

async function main(): Promise<number> {
  if (!process.argv.includes('--only-e2e')) {
    const check = await call(['scripts/check.ts'])
    if (check.code !== 0) return check.code
  }
  const built = await call(['test/rig/cli.ts', 'build'])
  if (built.code !== 0) return built.code
  const first = await runAll(globSync(['test/**/*.e2e.ts']).sort())
  const again = await runAll(first.filter(({ code }) => code !== 0).map(({ file }) => file))
  const last = first.map((one) => again.find(({ file }) => file === one.file) ?? one)
  return close(
    last,
    again.filter(({ code }) => code === 0).map(({ file }) => file),
  )
}

process.exitCode = await main()
