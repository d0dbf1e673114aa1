import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Commit } from '../release/ids.ts'
import type { Objects } from './objects.ts'
import { openTrees } from './trees.ts'

const root = 'c'.repeat(40) as Commit
const id = (n: number) => n.toString(16).padStart(40, '0')
type Line = readonly [mode: string, name: string, n: number]

/** Tree objects as git stores them. */
function stored(trees: Readonly<Record<string, readonly Line[]>>) {
  const asked: string[] = []
  const bytes = (lines: readonly Line[]) =>
    Buffer.concat(lines.flatMap(([mode, name, n]) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(id(n), 'hex')]))
  const objects: Pick<Objects, 'tree'> = {
    tree: async (of) => {
      const name = 'oid' in of ? of.oid : of.commit
      asked.push(name)
      return bytes(trees[name] ?? assert.fail(name))
    },
  }
  return { list: openTrees(objects), asked }
}

const repo = {
  [root]: [
    ['40000', 'installations', 1],
    ['100644', 'mygitops.yaml', 2],
  ],
  [id(1)]: [
    ['40000', 'dev', 3],
    ['40000', 'prod', 4],
  ],
  [id(3)]: [['100644', 'a-values.yaml', 5]],
  [id(4)]: [
    ['100755', 'a-values.yaml', 5],
    ['120000', 'link-values.yaml', 6],
    ['160000', 'module', 7],
    ['40000', 'ü', 3],
  ],
} as const

test('a folder, with modes as git prints them, links and submodules', async () => {
  const { list } = stored(repo)
  assert.deepEqual(Object.fromEntries(await list(root, 'installations/prod')), {
    'installations/prod/a-values.yaml': { mode: '100755', oid: id(5) },
    'installations/prod/link-values.yaml': { mode: '120000', oid: id(6) },
    'installations/prod/module': { mode: '160000', oid: id(7) },
    'installations/prod/ü/a-values.yaml': { mode: '100644', oid: id(5) },
  })
})

const places: readonly [folder: string, files: readonly string[]][] = [
  ['mygitops.yaml', ['mygitops.yaml']],
  ['mygitops.yaml/x', []],
  ['nowhere', []],
  ['installations/nowhere/x', []],
  ['installations/dev', ['installations/dev/a-values.yaml']],
  ['installations/de', []],
]
for (const [folder, files] of places)
  test(`what lies at ${folder}`, async () => {
    const { list } = stored(repo)
    assert.deepEqual([...(await list(root, folder)).keys()], files)
  })

test('the whole commit; a folder that is known is not asked for again', async () => {
  const { list, asked } = stored(repo)
  assert.equal((await list(root, '')).size, 6)
  await list(root, 'installations')
  assert.deepEqual(asked, [root, id(1), id(3), id(4), root])
})

test('trees that hold each other over and over end', async () => {
  const wide = (n: number): readonly Line[] => Array.from({ length: 10 }, (_, i) => ['40000', `f${i}`, n] as const)
  const bomb: Record<string, readonly Line[]> = { [root]: wide(1), [id(9)]: [] }
  for (let n = 1; n < 9; n++) bomb[id(n)] = wide(n + 1)
  await assert.rejects(stored(bomb).list(root, ''), { code: 'FILE_TOO_LARGE' })
})

test('a tree that ends too soon is said to be damaged', async () => {
  const list = openTrees({ tree: async () => Buffer.from('100644 name\0short') })
  await assert.rejects(list(root, ''), { code: 'GIT_FAILED' })
})
