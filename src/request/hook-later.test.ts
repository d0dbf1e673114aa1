import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HeldPush } from '../release/held.ts'
import { type Cluster, type RequestId, requestId } from '../release/ids.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'
import { askAgainMs, type Later, overtaking } from './hook-later.ts'
import type { TagPolicy } from './hook-tags.ts'

const waits: [tries: number, chance: number, ms: number, why: string][] = [
  [0, 0.5, 1_000, 'the first pause'],
  [3, 0.5, 8_000, 'it doubles'],
  [6, 0.5, 60_000, 'a minute at most'],
  [900, 1, 75_000, 'for as long as it takes, and not all at once'],
  [0, 0, 750, 'somewhat sooner'],
]
for (const [tries, chance, ms, why] of waits)
  test(`a registry is asked again: ${why}`, () => assert.equal(askAgainMs(tries, chance), ms))

const id = (second: number): RequestId => requestId(second * 1_000, new Uint8Array(16))
const prod = 'prod' as Cluster
const push: HeldPush = {
  id: id(10),
  hook: 'ci',
  how: 'hmac-sha256',
  delivery: 'd',
  repository: 'acme/web',
  tag: 'v1',
  source: 's',
  cluster: prod,
  at: 10_000,
  until: 20_000,
}
const later = (more: Partial<DeployRequest> = {}, verdict?: Partial<Verdict>): Later => ({
  request: {
    id: id(11),
    cluster: prod,
    source: 's',
    image: { repository: 'acme/web', tag: 'v2', digest: undefined },
    author: { name: 'ci', email: '' },
    principal: 'token ci',
    acceptedAt: 11_000,
    ...more,
  },
  verdict: verdict && {
    id: id(11),
    cluster: prod,
    verdict: 'healthy',
    releases: [],
    timing: { acceptedMs: 0 },
    ...verdict,
  },
})
const same = { principal: 'hook ci', image: { repository: 'acme/web', tag: 'v1', digest: 'sha256:1' } }
const any: TagPolicy = { kind: 'any' }
const cases: [one: Later, policy: TagPolicy, overtakes: boolean, why: string][] = [
  [later(), any, true, 'somebody asked for something newer'],
  [later({}, {}), { kind: 'match', pattern: 'v.*' }, true, 'and it ended well'],
  [later(), { kind: 'semver', range: '*', prereleases: false }, false, 'versions know their order'],
  [later(), { kind: 'newest', pattern: '(\\d+)' }, false, 'builds know their order'],
  [later({ id: id(9) }), any, false, 'it was asked for before the push'],
  [later({ source: 'other' }), any, false, 'another source'],
  [later({ cluster: 'test' as Cluster }), any, false, 'another cluster'],
  [later({}, { verdict: 'refused' }), any, false, 'it was refused, and changed nothing'],
  [later({}, { verdict: 'failed' }), any, false, 'it failed before its commit'],
  [later({}, { verdict: 'failed', commit: 'c' as never }), any, true, 'it failed, and is in the repo'],
  [{ ...later(), heldAs: id(9) }, any, false, 'it was held as well, and pushed before'],
  [{ ...later(), heldAs: id(11) }, any, true, 'it was held as well, and pushed later'],
  [later(same), any, false, 'it is this very push, accepted before a crash'],
  [later({ ...same, principal: 'hook other' }), any, true, 'the same tag by another hook'],
]
for (const [one, policy, overtakes, why] of cases)
  test(`what a held push must not undo: ${why}`, () =>
    assert.equal(overtaking(push, policy, [one]), overtakes ? one.request.id : undefined))
