/**
 * The checker goes red: a run that is in order, and then one lie or loss after the other in it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { git, makeBare } from '../git-server.ts'
import type { RunRecord } from './checker.ts'

const folder = mkdtempSync(join(tmpdir(), 'mgo-checker-'))
const id = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
const second = '01ARZ3NDEKTSV4RRFFQ69G5FAW'
const author = 'Ada <ada@example.com>'
const file = 'app.yaml'

/** A commit upon the tip of main, made with plumbing. */
function commit(bare: string, text: string, message: string): string {
  writeFileSync(join(bare, 'text'), text)
  const blob = git(bare, 'hash-object', '-w', 'text').trim()
  git(bare, 'update-index', '--add', '--cacheinfo', `100644,${blob},${file}`)
  const tree = git(bare, 'write-tree').trim()
  const by = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com']
  const oid = git(bare, ...by, 'commit-tree', tree, '-p', 'main', '-m', message).trim()
  git(bare, 'update-ref', 'refs/heads/main', oid)
  return oid
}

const bare = makeBare(folder, 'whole.git', { [file]: 'tag: "v1"\n' })
const start = git(bare, 'rev-parse', 'main').trim()
const foreign = commit(bare, 'tag: "v1"\n# theirs\n', 'A foreign change')
const own = commit(bare, 'tag: "v2"\n# theirs\n', `Deploy v2\n\nMgo-Request: ${id}`)

const answers = new Map<string, object>()
let health = 200
/** What the doors say beside the verdicts; `undefined`: 404. */
const doors = new Map<string, string | undefined>()
const server = createServer((request, response) => {
  const path = request.url?.split('?')[0] ?? ''
  if (doors.has(path)) {
    const text = doors.get(path)
    // A stream of events stays open.
    response.writeHead(text === undefined ? 404 : 200).write(text ?? 'nothing')
    if (path !== '/v1/events') response.end()
    return
  }
  const answer = answers.get(path.split('/').at(-1) ?? '')
  response.writeHead(request.url === '/healthz' ? health : 200).end(JSON.stringify(answer ?? {}))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
after(() => {
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

const kept = join(folder, 'kept.txt')
writeFileSync(kept, 'nothing of interest')
const whole: RunRecord = {
  bare,
  branch: 'main',
  start,
  url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  pid: process.pid,
  state: folder,
  lives: [{ peakMiB: 1, files: 10_000 }],
  sent: [{ id, source: 'app', tag: 'v2', author, order: 0 }],
  foreign: [foreign],
  lines: [{ file, line: '# theirs' }],
  lost: [],
  files: { app: file },
  secrets: ['hush'],
  searched: [kept],
  log: 'all is well',
  told: ['accepted'],
  maxPeakMiB: 10_000,
  moreFiles: 0,
  restMs: 200,
}
const committed = { id, verdict: 'committed', commit: own }

/** Runs the program as others do. */
async function judged(run: RunRecord, said: object = committed): Promise<readonly string[]> {
  answers.set(id, said)
  const path = join(folder, 'run.json')
  writeFileSync(path, JSON.stringify(run))
  const child = spawn(process.execPath, [join(import.meta.dirname, 'checker.ts'), path])
  let out = ''
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString()
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  const wrong = JSON.parse(out) as readonly string[]
  assert.equal(code, wrong.length === 0 ? 0 : 1)
  return wrong
}

/** The same history with one more commit. */
function copy(name: string, text: string, message: string): string {
  const path = join(folder, `${name}.git`)
  git(folder, 'clone', '--quiet', '--bare', bare, path)
  commit(path, text, message)
  return path
}

const asked = whole.sent[0] ?? assert.fail()
const forged: [why: string, says: RegExp, run: Partial<RunRecord>, said?: object][] = [
  ['a request without a verdict', /^I2 /, {}, { id }],
  ['a commit that the verdict denies', /^I1 .*and yet there is/, {}, { id, verdict: 'failed' }],
  ['a good verdict without a commit', /^I1 .*good without/, { sent: [{ ...asked, id: second }] }],
  ['a verdict that names another commit', /^I1 .*its verdict names/, {}, { ...committed, commit: foreign }],
  ['another author', /^I1 .*its author/, { sent: [{ ...asked, author: 'Bob <b@example.com>' }] }],
  ['a request that nobody sent', /^I1 .*nobody sent/, { sent: [] }],
  ['a tag that is not what was asked', /^I3 .*asked for v3/, { sent: [{ ...asked, tag: 'v3' }] }],
  ['a foreign commit that is gone', /^I4 .*is gone/, { foreign: ['0'.repeat(40)] }],
  ['a foreign line that is gone', /^I4 the foreign line/, { lines: [{ file, line: '# ours' }] }],
  ['a secret in the log', /^I5 the log/, { log: 'they said hush' }],
  ['a secret in a file', /^I5 .*kept.txt/, { secrets: ['interest'] }],
  [
    'a secret in base64',
    /^I5 the log/,
    { log: `Basic ${Buffer.from('mgo:a long hush!').toString('base64')}`, secrets: ['a long hush'] },
  ],
  ['a secret in what a caller was told', /^I5 what callers/, { told: ['well', '{"message":"hush"}'] }],
  ['a secret in an answer', /^I5 an answer/, {}, { ...committed, problem: { code: 'X', message: 'hush' } }],
  [
    'a secret in a commit',
    /^I5 a commit/,
    { bare: copy('told', 'tag: "v2"\n# theirs\n#\n', 'They said hush'), foreign: [] },
  ],
  ['too much memory', /^I6 .*MiB/, { maxPeakMiB: 2 }],
  ['too much memory in a server that is gone', /^I6 .*took 20000 MiB/, { lives: [{ peakMiB: 20_000, files: 10_000 }] }],
  ['files that stay open', /^I6 .*files open/, { lives: [{ peakMiB: 1, files: 2 }] }],
  [
    'one request committed twice',
    /^I1 .*committed 2 times/,
    { bare: copy('twice', 'tag: "v2"\n# theirs\n#\n', `Again\n\nMgo-Request: ${id}`) },
  ],
  [
    'a commit for two requests',
    /^I1 .*names several/,
    { bare: copy('both', 'tag: "v2"\n# theirs\n#\n', `Both\n\nMgo-Request: ${second}\nMgo-Request: ${second}`) },
  ],
  [
    'a file that another commit has turned back',
    /^I3 app.yaml has v1/,
    { bare: copy('back', 'tag: "v1"\n# theirs\n', 'Turned back') },
  ],
]

test('a run that is in order passes', async () => {
  assert.deepEqual(await judged(whole), [])
})

for (const [why, says, run, said] of forged)
  test(`the checker sees ${why}`, async () => {
    answers.set(second, { id: second, verdict: 'committed' })
    const wrong = await judged({ ...whole, ...run }, said)
    assert.ok(
      wrong.some((one) => says.test(one)),
      JSON.stringify(wrong),
    )
  })

for (const [path, text, says] of [
  ['/metrics', 'mgo_hush 1', /^I5 \/metrics holds/],
  ['/v1/events', 'id: 1\n\ndata: hush\n\n', /^I5 \/v1\/events holds/],
  ['/v1/deploys', '{"deploys":["hush"]}', /^I5 \/v1\/deploys.* holds/],
  ['/metrics', undefined, /^I5 \/metrics could not/],
] as const)
  test(`the checker sees a secret at ${path}, or that it cannot look: ${text}`, async () => {
    doors.set(path, text)
    const wrong = await judged(whole)
    doors.delete(path)
    assert.equal(wrong.length, 1)
    assert.match(wrong[0] ?? '', says)
  })

test('the checker sees a program that the server left, also one of a server that is gone', async () => {
  const args = ['--git-dir', bare, 'hash-object', '--stdin-paths']
  // One below the process that is judged, and one that only works in the folder of the state.
  const own = spawn('git', args, { stdio: ['pipe', 'ignore', 'ignore'] })
  const sight = /^I6 a program of the server is left: git .*hash-object/m
  const found = (await judged({ ...whole, state: '/nowhere' })).join('\n')
  const elsewhere = spawn('sleep', ['100'])
  const orphan = (await judged({ ...whole, pid: elsewhere.pid ?? 0 })).join('\n')
  for (const one of [own, elsewhere]) one.kill()
  assert.match(found, sight)
  assert.match(orphan, sight)
})

test('the checker lets a server keep its two programs, and sees one more', async () => {
  const args = ['--git-dir', bare, 'cat-file', '--batch']
  const keep = () => spawn('git', args, { stdio: ['pipe', 'ignore', 'ignore'] })
  const first = keep()
  const none = await judged(whole)
  const second = keep()
  const one = await judged(whole)
  for (const child of [first, second]) child.kill()
  assert.deepEqual(none, [])
  assert.match(one.join('\n'), /^I6 a program of the server is left: .*cat-file/)
})

test('the checker sees a server that is gone', async () => {
  health = 500
  assert.match((await judged(whole)).join('\n'), /^I6 the server does not answer/m)
  health = 200
})

test('the checker shares no code with mgo', () => {
  const own = ['checker.ts', 'process.ts', 'secrets.ts']
  const texts = own.map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
  const from = texts.flatMap((text) => [...text.matchAll(/ from '([^']+)'/g)].map((match) => match[1] ?? ''))
  assert.ok(from.length > own.length)
  assert.deepEqual(
    from.filter((name) => !name.startsWith('node:') && !own.includes(name.replace('./', ''))),
    [],
  )
})
