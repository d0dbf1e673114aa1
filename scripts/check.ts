/**
 * `npm run check`: format, lint, types, dead code and the fast tests, side by side where they do not need the same core.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'

type Part = { readonly name: string; readonly program: string; readonly args: readonly string[] }

const parts: readonly Part[] = [
  { name: 'format', program: 'biome', args: ['format', '.'] },
  {
    name: 'lint',
    program: 'oxlint',
    args: ['--type-aware', '--deny-warnings', 'src', 'test', 'scripts', 'bench', 'demo'],
  },
  { name: 'types', program: 'tsc', args: ['-p', '.'] },
  { name: 'dead code', program: 'knip', args: ['--no-progress'] },
]

type Ended = { readonly part: Part; readonly code: number; readonly output: string; readonly seconds: number }

function call(part: Part): Promise<Ended> {
  const begun = performance.now()
  return new Promise((resolve) => {
    const child = spawn(part.program, part.args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const end = (code: number) => resolve({ part, code, output, seconds: (performance.now() - begun) / 1000 })
    child.on('error', (error) => {
      output += error.message
      end(1)
    })
    child.on('close', (code) => end(code ?? 1))
  })
}

const tests = globSync(['src/**/*.test.ts', 'test/**/*.test.ts']).sort()
const all = [
  ...parts,
  {
    name: 'fast tests',
    program: process.execPath,
    args: ['--test', `--test-concurrency=${availableParallelism()}`, '--test-timeout=120000', ...tests],
  },
]
const [checks, fast] = await Promise.all([
  Promise.all(parts.map(call)),
  call(all[all.length - 1] ?? (parts[0] as Part)),
])
let failed = 0
for (const { part, code, output, seconds } of [...checks, fast]) {
  if (code !== 0) failed++
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${part.name} (${seconds.toFixed(1)} s)`)
  if (code !== 0) console.log(output)
}
// The runner's own closing lines, so that a reader (and CI) sees how many tests ran.
console.log(
  fast.output
    .split('\n')
    .filter((line) => /^(ℹ|#) /.test(line))
    .slice(-8)
    .join('\n'),
)
process.exitCode = failed === 0 ? 0 : 1
