/**
 * Whole repos before and after one request, byte for byte: `test/repos/<case>/{before/,request.json,after/}`, or
 * `refused.txt` with what is told instead. The name of a case is also its cluster, so all of them fit into one repo: they
 * are tried alone, in memory, and then all at once through real git, where no case may disturb another.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { commitBatch } from '../src/deploy/commit.ts'
import { showProblem } from '../src/error.ts'
import { openRepo } from '../src/git/repo.ts'
import { change } from '../src/manifest/change.ts'
import { placeOfPath } from '../src/manifest/layout.ts'
import { requestId } from '../src/release/ids.ts'
import type { DeployRequest } from '../src/release/request.ts'
import { parseAsked } from '../src/request/request.ts'
import { openSecrets } from '../src/secrets.ts'
import { git, makeBare } from './git-server.ts'

type Files = ReadonlyMap<string, Buffer>
type Case = {
  readonly name: string
  readonly why: string
  readonly request: DeployRequest
  readonly before: Files
  /** The files afterwards, or what is told instead. */
  readonly want: Files | string
}

const root = join(import.meta.dirname, 'repos')

function filesBelow(folder: string): Files {
  const found = new Map<string, Buffer>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) found.set(path.slice(folder.length + 1), readFileSync(path))
  }
  return found
}

function read(name: string, i: number): Case {
  const folder = join(root, name)
  const { why, ...body } = JSON.parse(readFileSync(join(folder, 'request.json'), 'utf8')) as { readonly why: string }
  const parsed = parseAsked(body)
  assert.ok(parsed.kind === 'ok', `${name}: ${JSON.stringify(parsed)}`)
  const request = { ...parsed.asked, id: requestId(1_000 + i, new Uint8Array(16)), acceptedAt: 1_700_000_000_000 }
  const refused = join(folder, 'refused.txt')
  const want = existsSync(refused) ? readFileSync(refused, 'utf8') : filesBelow(join(folder, 'after'))
  return { name, why, request, before: filesBelow(join(folder, 'before')), want }
}

const cases = readdirSync(root).sort().map(read)

for (const { name, why, request, before, want } of cases) {
  test(`golden ${name}: ${why}`, () => {
    const mine = [...before].filter(([path]) => {
      const place = placeOfPath(path)
      return place.kind === 'values' && place.cluster === request.cluster
    })
    const got = change(request, new Map(mine))
    if (typeof want === 'string') {
      assert.ok(got.kind === 'refused', JSON.stringify(got))
      return assert.equal(`${got.problems.map(showProblem).join('\n')}\n`, want)
    }
    assert.notEqual(got.kind, 'refused', JSON.stringify(got))
    const after = new Map<string, Uint8Array>([...before, ...(got.kind === 'changed' ? got.files : [])])
    sameFiles(after, want)
    const again = change(request, new Map(mine.map(([path]) => [path, after.get(path) ?? Buffer.alloc(0)])))
    assert.equal(again.kind, 'unchanged', 'edited twice is edited once')
  })
}

function sameFiles(got: ReadonlyMap<string, Uint8Array>, want: Files): void {
  assert.deepEqual([...got.keys()].sort(), [...want.keys()].sort())
  for (const [path, bytes] of want)
    assert.equal(Buffer.from(got.get(path) ?? []).toString('latin1'), bytes.toString('latin1'), path)
}

test('golden: all cases at once through git, one commit for each that changes, and no other byte', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mgo-golden-'))
  try {
    const all = Object.fromEntries(cases.flatMap((one) => [...one.before]))
    const bare = makeBare(folder, 'gitops.git', all)
    const options = {
      mirrors: join(folder, 'state'),
      committer: { name: 'mgo', email: 'mgo@localhost' },
      secrets: openSecrets(),
    }
    const repo = await openRepo(bare, { ...options, env: { PATH: process.env['PATH'] ?? '' } })
    const clock = { now: () => 1_700_000_000_000, id: () => requestId(1, new Uint8Array(16)), sleep: async () => {} }
    const outcomes = await commitBatch(
      cases.map(({ request }) => ({ request })),
      { repo, clock, tell: () => undefined, attempting: async () => undefined, unready: async () => new Map() },
    )
    await repo.close()
    cases.forEach(({ name, before, want }, i) => {
      const changes = typeof want !== 'string' && [...want].some(([path, bytes]) => !before.get(path)?.equals(bytes))
      assert.equal(outcomes[i]?.kind, typeof want === 'string' ? 'refused' : changes ? 'committed' : 'unchanged', name)
    })
    const committed = outcomes.filter((one) => one.kind === 'committed').length
    assert.equal(git(bare, 'rev-list', '--count', 'main').trim(), String(committed + 1))
    const work = join(folder, 'work')
    git(folder, '-c', 'core.autocrlf=false', 'clone', '--quiet', bare, work)
    const wanted = cases.flatMap((one) => [...(typeof one.want === 'string' ? one.before : one.want)])
    sameFiles(new Map([...filesBelow(work)].filter(([path]) => !path.startsWith('.git/'))), new Map(wanted))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
