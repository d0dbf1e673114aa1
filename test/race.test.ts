/**
 * A push that comes too late, with real git over HTTP: what is done between reading the branch and pushing upon it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { git, makeBare } from './git-server.ts'
import { deploy, open, path, server, text, tidy } from './remote.ts'

after(tidy)

test('whoever loses a race reads the branch once, and pushes upon what it read', async () => {
  const bare = makeBare(server.root, 'race.git', { [path]: text() })
  const repo = await open(server.url('race.git'))
  await repo.tip()
  const calls: string[] = []
  const foreign = () => {
    const tree = git(bare, 'rev-parse', 'main^{tree}').trim()
    git(bare, 'update-ref', 'refs/heads/main', git(bare, 'commit-tree', tree, '-p', 'main', '-m', 'Foreign').trim())
  }
  const outcome = await deploy({
    ...repo,
    fetch() {
      calls.push('fetch')
      return repo.fetch()
    },
    push(base, next) {
      if (!calls.includes('push')) foreign()
      calls.push('push')
      return repo.push(base, next)
    },
  })
  assert.equal(outcome?.kind, 'committed')
  // A second look would let others in between, who then win again: with twenty pushes a second they always do.
  assert.deepEqual(calls, ['push', 'fetch', 'push'])
  assert.equal(git(bare, 'log', '--format=%s', 'main~1').split('\n')[0], 'Foreign')
})
