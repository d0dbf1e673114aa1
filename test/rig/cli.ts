/**
 * `npm run rig -- up|down|list|build`: a cluster for people who want to look around, and for other programs. The last
 * line that `up` prints is one JSON object.
 *
 * @module
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from './build.ts'
import { isAlive } from './lock.ts'
import { startRig } from './rig.ts'

type Kept = { readonly pid: number; readonly rig: object }

const folder = join(tmpdir(), `mgo-rigs-${userInfo().uid}`)
const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}
const fileOf = (name: string) => join(folder, `${name}.json`)

function kept(name: string): Kept | undefined {
  if (!existsSync(fileOf(name))) return undefined
  const found = JSON.parse(readFileSync(fileOf(name), 'utf8')) as Kept
  if (isAlive(found.pid) && readFileSync(`/proc/${found.pid}/cmdline`, 'utf8').includes('cli.ts')) return found
  rmSync(fileOf(name), { force: true })
  return undefined
}

async function up(name: string): Promise<void> {
  await build(say)
  const running = kept(name)
  if (running !== undefined) return print(running.rig)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const log = join(folder, `${name}.log`)
  rmSync(log, { force: true })
  const out = openSync(log, 'a', 0o600)
  const holder = spawn(process.execPath, [import.meta.filename, 'hold', '--name', name], {
    detached: true,
    stdio: ['ignore', out, out],
  })
  holder.unref()
  for (;;) {
    const started = kept(name)
    if (started !== undefined) return print(started.rig)
    if (holder.exitCode !== null) throw new Error(`the rig ${name} did not start:\n${readFileSync(log, 'utf8').trim()}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Runs on in the background and keeps the cluster's processes as its children: they end with it. */
async function hold(name: string): Promise<void> {
  const started = await startRig({ name })
  const { kubeconfig, context, auditLog, bin } = started
  const end = async () => {
    await started.stop()
    rmSync(fileOf(name), { force: true })
    process.exit(0)
  }
  process.on('SIGTERM', () => void end())
  process.on('SIGINT', () => void end())
  const rig = { name, kubeconfig, context, auditLog, bin }
  writeFileSync(`${fileOf(name)}.new`, JSON.stringify({ pid: process.pid, rig }), { mode: 0o600 })
  renameSync(`${fileOf(name)}.new`, fileOf(name))
  setInterval(() => undefined, 60_000)
}

async function down(name: string): Promise<void> {
  const running = kept(name)
  if (running === undefined) {
    say(`there is no rig ${name}`)
    return
  }
  process.kill(running.pid, 'SIGTERM')
  while (isAlive(running.pid)) await new Promise((resolve) => setTimeout(resolve, 50))
  rmSync(join(folder, `${name}.log`), { force: true })
  say(`the rig ${name} is gone`)
}

function list(): void {
  const names = existsSync(folder) ? readdirSync(folder).filter((one) => one.endsWith('.json')) : []
  for (const file of names) {
    const running = kept(file.replace(/\.json$/, ''))
    if (running !== undefined) print(running.rig)
  }
}

function print(rig: object): void {
  process.stdout.write(`${JSON.stringify(rig)}\n`)
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { name: { type: 'string', default: 'rig' } },
})
switch (positionals[0] ?? '') {
  case 'up':
    await up(values.name)
    break
  case 'hold':
    await hold(values.name)
    break
  case 'down':
    await down(values.name)
    break
  case 'list':
    list()
    break
  case 'build':
    say(`the programs of the rig are in ${await build(say)}`)
    break
  default:
    say('usage: npm run rig -- up|down|list|build [--name NAME]')
    process.exitCode = 2
}
