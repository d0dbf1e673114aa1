/**
 * The fast-import that is kept, with real git: batches one after the other, and what is left when either side is killed.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, test } from 'node:test'
import { openSecrets } from '../secrets.ts'
import { writeCommits, type Written } from './commits.ts'
import { openImporter } from './importer.ts'
import { gitProgram } from './program.ts'

const root = mkdtempSync(join(tmpdir(), 'mgo-importer-'))
after(() => rmSync(root, { recursive: true, force: true }))

const env = { PATH: process.env['PATH'] ?? '' }
const ada = { name: 'Ada', email: 'ada@example.com' }

function bare(name: string) {
  const folder = join(root, name)
  spawnSync('git', ['init', '--quiet', '--bare', folder], { env })
  const git = gitProgram(folder, { home: join(root, 'home'), credentials: undefined, env, secrets: openSecrets() })
  const edges = join(folder, 'edges')
  const importer = openImporter(git, edges)
  let base: Written['commits'][number] | undefined
  const write = async (text: string) => {
    const commit = { files: new Map([['a/x', Buffer.from(text)]]), message: `${text}\n`, author: ada, at: 0 }
    const written = await writeCommits({ importer, base, commits: [commit], committer: ada, entries: new Map() })
    base = written.commits[0]
    return written
  }
  return { folder, edges, importer, write, say: (...args: string[]) => said(folder, ...args), tip: () => base ?? '' }
}

function said(folder: string, ...args: readonly string[]): string {
  return spawnSync('git', ['--git-dir', folder, ...args], { env, encoding: 'utf8' }).stdout.trim()
}

/** The fast-imports of a repository that run now. */
function runningIn(folder: string): readonly number[] {
  const isOne = (line: string) => line.includes('fast-import') && line.includes(folder)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isOne(commandOf(name)))
    .map(Number)
}

function commandOf(pid: string): string {
  try {
    return readFileSync(join('/proc', pid, 'cmdline'), 'latin1').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

/** What fast-import leaves where it is killed, and no ref. */
function leftIn(folder: string): readonly string[] {
  const files = globSync(['objects/**/tmp_*', 'objects/pack/*.keep', 'fast_import_crash_*'], { cwd: folder })
  return [...files, ...said(folder, 'for-each-ref').split('\n')].filter((one) => one !== '')
}

test('one program for many batches: each is there at once, in a pack of its own, and no ref is made', async () => {
  const { folder, importer, write, say, tip, edges } = bare('many')
  const programs = new Set<number>()
  const packs = new Set<string | undefined>()
  for (const text of ['one', 'two', 'three']) {
    packs.add((await write(text)).pack)
    for (const pid of runningIn(folder)) programs.add(pid)
    assert.equal(say('show', `${tip()}:a/x`), text)
  }
  assert.equal(programs.size, 1)
  assert.equal(packs.size, 3)
  for (const pack of packs) assert.ok(existsSync(pack ?? ''))
  assert.equal(say('rev-list', '--count', tip()), '3')
  await importer.rest()
  assert.deepEqual([runningIn(folder), leftIn(folder), existsSync(edges)], [[], [], false])
})

test('a batch of which all is there already names no pack', async () => {
  const { importer, write, say } = bare('again')
  const first = await write('one')
  const second = await write('two')
  assert.ok(second.pack)
  say('update-ref', 'refs/heads/main', first.commits[0] ?? '')
  const known = { importer, base: first.commits[0], committer: ada, entries: new Map() }
  const commit = { files: new Map([['a/x', Buffer.from('two')]]), message: 'two\n', author: ada, at: 0 }
  assert.deepEqual(await writeCommits({ ...known, commits: [commit] }), { ...second, pack: undefined })
  await importer.rest()
})

test('it is started again where it was killed between two batches, or where its packs are gone', async () => {
  const { folder, importer, write, say, tip } = bare('killed')
  await write('one')
  for (const pid of runningIn(folder)) process.kill(pid, 'SIGKILL')
  await write('two')
  for (const keep of globSync('objects/pack/*.keep', { cwd: folder })) rmSync(join(folder, keep))
  say('update-ref', 'refs/heads/main', tip())
  say('repack', '-a', '-d', '--quiet')
  assert.ok((await write('three')).pack)
  assert.equal(say('rev-list', '--count', tip()), '3')
  await importer.rest()
})

test('another mgo that starts on the mirror sweeps what it takes for leftovers: the packs have names again', async () => {
  const { folder, edges, importer, write } = bare('swept')
  await write('one')
  for (const name of globSync('objects/pack/tmp_*', { cwd: folder })) rmSync(join(folder, name))
  rmSync(edges)
  const packs = [(await write('two')).pack, (await write('three')).pack, (await write('four')).pack]
  assert.ok(packs.at(-1))
  await importer.rest()
})

test('it writes a pack again that was kept by one who was killed before it was there', async () => {
  const [killed, fresh] = [bare('half'), bare('half-again')]
  const { pack = '' } = await fresh.write('one')
  writeFileSync(join(killed.folder, 'objects/pack', basename(pack).replace(/pack$/, 'keep')), '')
  assert.equal(basename((await killed.write('one')).pack ?? ''), basename(pack))
  await Promise.all([killed.importer.rest(), fresh.importer.rest()])
})

test('what it says of a batch that it cannot read is told', async () => {
  const { importer } = bare('refused')
  const { ran } = await importer.feed(Buffer.from('nonsense\n'))
  assert.equal(ran.code, -1)
  assert.match(ran.stderr, /Unsupported command: nonsense/)
  await importer.rest()
})

test('it ends with the process that feeds it, however that ends', async () => {
  const { folder, importer } = bare('orphan')
  await importer.rest()
  const program = `
    const { openImporter } = await import(${JSON.stringify(join(import.meta.dirname, 'importer.ts'))})
    const git = { before: ['--git-dir', ${JSON.stringify(folder)}], env: process.env, hide: (text) => text }
    await openImporter(git).feed(Buffer.from('progress begun\\n'))
    console.log('fed')
    setInterval(() => undefined, 1_000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program])
  await new Promise((resolve) => child.stdout.once('data', resolve))
  assert.equal(runningIn(folder).length, 1)
  child.kill('SIGKILL')
  for (let turn = 0; turn < 100 && runningIn(folder).length > 0; turn++)
    await new Promise((resolve) => setTimeout(resolve, 20))
  assert.deepEqual(runningIn(folder), [])
})
