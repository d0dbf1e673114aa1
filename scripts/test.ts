/**
 * `npm test`: the check, then the rig (built when it is not there), then every test that needs git servers, helm and
 * a real cluster. In CI a skipped test is a failure.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'

type Ended = { readonly code: number; readonly output: string }

function call(args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      process.stdout.write(chunk)
    })
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

async function main(): Promise<number> {
  if (!process.argv.includes('--only-e2e')) {
    const check = await call(['scripts/check.ts'])
    if (check.code !== 0) return check.code
  }
  const tests = globSync(['test/**/*.e2e.ts']).sort()
  if (tests.length === 0) return 0
  const built = await call(['test/rig/cli.ts', 'build'])
  if (built.code !== 0) return built.code
  const ran = await call(['--test', '--test-concurrency=1', '--test-timeout=600000', ...tests])
  const skipped = Number(/^ℹ skipped (\d+)/m.exec(ran.output)?.[1] ?? 0)
  if (skipped > 0 && process.env['CI'] !== undefined) {
    console.error(`${skipped} tests were skipped, which CI takes for a failure.`)
    return 1
  }
  return ran.code
}

process.exitCode = await main()
