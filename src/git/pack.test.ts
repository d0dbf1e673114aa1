import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { git, gitFed, makeBare } from '../../test/git-server.ts'
import { type Commit, parseCommit } from '../release/ids.ts'
import { encode, packChain } from './pack.ts'
import { openObjects } from './objects.ts'
import { gitProgram } from './program.ts'
import { openSecrets } from '../secrets.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-pack-'))
after(() => rmSync(root, { recursive: true, force: true }))

const take = (folder: string, pack: Uint8Array) => gitFed(folder, pack, 'index-pack', '--stdin', '--strict')

test('a pack of any bytes is one that git takes whole', async () => {
  const folder = makeBare(root, 'any.git', {})
  const lengths = [0, 1, 15, 16, 2047, 2048, 300_000]
  const blobs = lengths.map((length) => Buffer.alloc(length, length % 251))
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.uint8Array({ maxLength: 5_000 }), { minLength: 1, selector: String }),
      async (some) => {
        const all = [...some.map((one) => Buffer.from(one)), ...blobs]
        const unique = [...new Map(all.map((bytes) => [bytes.toString('base64'), bytes])).values()]
        take(folder, await encode(unique.map((bytes) => ({ type: 'blob', bytes }))))
        const oids = unique.map((bytes) => gitFed(folder, bytes, 'hash-object', '--stdin').trim())
        for (const oid of oids) git(folder, 'cat-file', '-e', oid)
      },
    ),
    { numRuns: 5 },
  )
})

const path = 'installations/prod/app-values.yaml'

/** A repo with one commit upon a base: `path` changed, a file beside it deleted. */
function changed() {
  const bare = makeBare(root, `${Math.random()}.git`, {
    [path]: 'a: 1\n',
    'installations/prod/old.yaml': 'x\n',
    'README.md': 'r\n',
  })
  const base = git(bare, 'rev-parse', 'main').trim()
  const stream = `commit refs/heads/next\ncommitter A <a@b> 1 +0000\ndata 1\nx\nfrom ${base}\nM 100644 inline ${path}\ndata 5\na: 2\n\nD installations/prod/old.yaml\n\n`
  gitFed(bare, stream, 'fast-import', '--quiet')
  const next = parseCommit(git(bare, 'rev-parse', 'next').trim()) as Commit
  const options = {
    home: root,
    credentials: undefined,
    env: { PATH: process.env['PATH'] ?? '' },
    secrets: openSecrets(),
  }
  const objects = openObjects(gitProgram(bare, options))
  const files = new Map([
    [path, Buffer.from('a: 2\n')],
    ['installations/prod/old.yaml', undefined],
  ])
  const made = [{ files, message: 'x', author: { name: 'A', email: 'a@b' }, at: 1 }]
  return { bare, base, next, objects, chain: { commits: [next], made } }
}

test('the pack of a commit holds what a server lacks that has its base, whatever the mirror holds', async () => {
  const { bare, base, next, objects, chain } = changed()
  const pack = await packChain(chain, objects, 1024 * 1024)
  objects.close()
  const server = join(root, 'server.git')
  git(root, 'clone', '--quiet', '--bare', '--branch', 'main', '--single-branch', bare, server)
  take(server, pack ?? Buffer.alloc(0))
  git(server, 'update-ref', 'refs/heads/main', next, base)
  git(server, 'fsck', '--full', '--strict')
  assert.equal(git(server, 'show', `main:${path}`), 'a: 2\n')
  assert.equal(git(server, 'ls-tree', '-r', '--name-only', 'main'), `README.md\n${path}\n`)
})

test('what is too large for one piece is left to others', async () => {
  const { objects, chain } = changed()
  assert.equal(await packChain(chain, objects, 100), undefined)
  objects.close()
})
