/**
 * The mirror of a server that writes for months: its packs stay few, and a repack that is killed in the middle, at many
 * moments, costs nothing.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Commit } from '../../src/release/ids.ts'
import type { Repo } from '../../src/ports.ts'
import { git, makeBare } from '../git-server.ts'
import { open, path, root, server, text, tidy } from '../remote.ts'

after(tidy)

function mirrorIn(mirrors: string): string {
  return join(mirrors, readdirSync(mirrors).find((name) => name !== 'home') ?? '')
}

function packsIn(mirror: string): number {
  return readdirSync(join(mirror, 'objects', 'pack')).filter((name) => name.endsWith('.pack')).length
}

/** Commits and pushes, one after the other; gives the most packs that ever lay there. */
async function writes(repo: Repo, count: number, mirror: string): Promise<number> {
  let base: Commit | undefined = await repo.tip()
  let most = 0
  for (let i = 0; i < count; i++) {
    const files = new Map([[path, Buffer.from(text('github.com/acme/app', `v${i}-${count}`))]])
    const author = { name: 'Ada', email: 'ada@example.com' }
    const [next] = await repo.write(base, [{ files, message: `Write ${i}\n`, author, at: Date.now() }])
    assert.ok(next)
    assert.equal((await repo.push(base, next)).kind, 'pushed')
    base = next
    most = Math.max(most, packsIn(mirror))
  }
  return most
}

/** The remote has every commit, and the mirror can read all of them. */
async function whole(repo: Repo, bare: string, mirror: string): Promise<void> {
  const tip = git(bare, 'rev-parse', 'main').trim()
  assert.equal(await repo.fetch(), tip)
  git(mirror, 'fsck', '--full', '--no-dangling')
  const count = git(bare, 'rev-list', '--count', 'main')
  assert.equal(git(mirror, 'rev-list', '--count', tip), count)
  const entry = (await repo.tree(tip as Commit, 'installations')).get(path)
  const read = await repo.read([entry?.oid ?? ''])
  assert.equal(Buffer.from([...read.values()][0] ?? []).toString(), git(bare, 'show', `main:${path}`))
}

test('300 writes: the packs stay few, and everything can be read', async () => {
  const bare = makeBare(server.root, 'packs.git', { [path]: text() })
  const mirrors = join(root, 'mirrors-packs')
  const repo = await open(server.url('packs.git'), { mirrors })
  const first = (await repo.tip()) as Commit
  const mirror = mirrorIn(mirrors)
  const most = await writes(repo, 300, mirror)
  assert.ok(most > 50 && most < 70, `${most} packs`)
  await whole(repo, bare, mirror)
  assert.equal((await repo.tree(first, 'installations')).size, 1)
  await repo.close()
  assert.ok(packsIn(mirror) <= 51)
})

/** A git whose repack is killed with all that it started, each time a little later. */
function killedRepacks(): string {
  const folder = join(root, 'killing')
  mkdirSync(folder)
  const script = `#!/bin/sh
PATH="${process.env['PATH'] ?? ''}"
case " $* " in *" repack "*)
  echo x >> '${folder}/kills'
  exec timeout --signal=KILL "$(awk 'END { printf "%.3f", NR * 0.004 }' '${folder}/kills')" git "$@" ;;
esac
exec git "$@"
`
  writeFileSync(join(folder, 'git'), script)
  chmodSync(join(folder, 'git'), 0o755)
  return folder
}

test('a repack that is killed at many moments, and a lock that a killed mgo left', async () => {
  const bare = makeBare(server.root, 'killed.git', { [path]: text() })
  const mirrors = join(root, 'mirrors-killed')
  const killing = killedRepacks()
  const env = { PATH: `${killing}:${process.env['PATH'] ?? ''}` }
  const torn = await open(server.url('killed.git'), { mirrors, env })
  await torn.tip()
  const mirror = mirrorIn(mirrors)
  await writes(torn, 70, mirror)
  await torn.close()
  const kills = readFileSync(join(killing, 'kills'), 'utf8').trim().split('\n').length
  assert.ok(kills >= 2, `${kills} kills`)
  await whole(torn, bare, mirror)
  await torn.close()

  const lock = join(mirror, 'mgo-packing')
  writeFileSync(lock, '')
  const old = Date.now() / 1000 - 3600
  utimesSync(lock, old, old)
  const repo = await open(server.url('killed.git'), { mirrors })
  await writes(repo, 60, mirror)
  await whole(repo, bare, mirror)
  await repo.close()
  assert.ok(packsIn(mirror) <= 51, `${packsIn(mirror)} packs`)
  assert.equal(existsSync(lock), false)
})
