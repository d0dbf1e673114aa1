#!/usr/bin/env node
// Every npm script starts here, under whatever Node ≥ 20 is at hand. It installs what is missing and hands over to the
// Node that the lock file pins (node_modules/.bin/node), which runs TypeScript as it is.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = join(root, 'node_modules', '.bin')
const [task = '', ...args] = process.argv.slice(2)
const tasks = {
  check: ['scripts/check.ts'],
  test: ['scripts/test.ts'],
  e2e: ['scripts/test.ts', '--only-e2e'],
  demo: ['demo/demo.ts'],
  rig: ['test/rig/cli.ts'],
  rollouts: ['test/rollouts/main.ts'],
  bench: ['bench/main.ts'],
  wild: ['test/wild.ts'],
}

function stale() {
  const marker = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(marker) || !existsSync(join(bin, 'node'))) return true
  return statSync(marker).mtimeMs < statSync(join(root, 'package-lock.json')).mtimeMs
}

function call(program, list) {
  const result = spawnSync(program, list, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: `${bin}:${process.env.PATH ?? ''}` },
  })
  if (result.error) {
    console.error(`${program} could not be started: ${result.error.message}`)
    return 1
  }
  return result.status ?? 1
}

const script = tasks[task]
if (script === undefined) {
  console.error(`usage: npm run ${Object.keys(tasks).join('|')} [-- arguments]`)
  process.exit(2)
}
if (stale()) {
  console.error('Installing the pinned packages (npm ci) …')
  const status = call('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  if (status !== 0) {
    console.error('npm ci failed. Look at its message above; the package registry must be reachable.')
    process.exit(status)
  }
}
process.exit(call(join(bin, 'node'), [...script, ...args]))
