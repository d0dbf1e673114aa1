import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Commit } from '../release/ids.ts'
import { checkDescends, lineTo } from './ancestry.ts'
import type { Git } from './program.ts'

const id = (n: number) => n.toString(16).padStart(40, '0') as Commit

/** Commit n stands upon n - 1; every tenth is a merge, which also stands upon n + 1,000. What git says of the rest is given. */
function history(saysGit: number) {
  const asked = { commits: 0, git: 0 }
  const objects = {
    async commit(commit: Commit) {
      asked.commits++
      const n = Number.parseInt(commit, 16)
      if (n >= 2_000) throw new Error('there is none')
      const parents = [n - 1, ...(n % 10 === 0 ? [n + 1_000] : [])].filter((one) => one > 0)
      const header = ['tree x', ...parents.map((one) => `parent ${id(one)}`), 'author Ada', 'committer Ada']
      return Buffer.from(`${header.join('\n')}\n\nA subject\n\nparent ${id(777)}\n`)
    },
  }
  const git = (async () => {
    asked.git++
    return { code: saysGit }
  }) as unknown as Git
  return { objects, git, asked }
}

const near: [name: string, old: number, tip: number][] = [
  ['itself', 50, 50],
  ['its parent', 49, 50],
  ['a parent of a merge', 1_050, 50],
  ['a few below', 45, 52],
]
for (const [name, old, tip] of near)
  test(`a branch still holds ${name}, and no program is started for it`, async () => {
    const world = history(1)
    await checkDescends({ old: id(old), tip: id(tip) }, 'the branch main', world)
    assert.equal(world.asked.git, 0)
  })

test('what is far is asked of git, and so is what cannot be read', async () => {
  const far = history(0)
  await checkDescends({ old: id(1), tip: id(900) }, 'the branch main', far)
  assert.equal(far.asked.git, 1)
  assert.ok(far.asked.commits <= 40, `${far.asked.commits} were looked at`)
  const torn = history(0)
  await checkDescends({ old: id(1), tip: id(2_000) }, 'the branch main', torn)
  assert.equal(torn.asked.git, 1)
})

test('a line of a message is no parent, and a branch without a tip holds nothing', async () => {
  const world = history(1)
  const rewritten = {
    code: 'GIT_REWRITTEN',
    message: /^the branch main no longer holds 0{12}: its history was rewritten$/,
  }
  await assert.rejects(checkDescends({ old: id(777), tip: id(50) }, 'the branch main', world), rewritten)
  await assert.rejects(checkDescends({ old: id(777), tip: undefined }, 'the branch main', world), rewritten)
})

test('what lies between two commits that are near is read without a program; merges and what is far are not', async () => {
  const { objects } = history(0)
  const line = await lineTo(id(43), id(46), objects)
  assert.deepEqual(
    line?.map((one) => one.id),
    [id(46), id(45), id(44)],
  )
  assert.equal(line?.[0]?.message, `A subject\n\nparent ${id(777)}\n`)
  assert.deepEqual(await lineTo(id(46), id(46), objects), [])
  for (const [old, tip] of [
    [8, 12],
    [1_500, 1_600],
    [46, 43],
    [43, 2_000],
  ] as const)
    assert.equal(await lineTo(id(old), id(tip), objects), undefined, `${old} ${tip}`)
})
