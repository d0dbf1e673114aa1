/**
 * The rollouts of one road as tests: all are played side by side on one rig, then each is held against its file.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type PuppetRig, startPuppetRig } from '../puppet/rig.ts'
import { playAll, show } from './crowd.ts'
import type { Case, Played } from './play.ts'
import type { RoadName } from './road.ts'

export type Holding = {
  readonly road: RoadName
  readonly names: readonly string[]
  /** These are played once more while connections break. */
  readonly cut?: readonly string[]
}

/** Cases at once: most of a case is waiting. */
const width = 5
/**
 * Times the seconds of the files: a test holds what is said, on whatever machine it runs and whatever else runs there.
 * `npm run rollouts` takes them as they are.
 */
const slack = 3
/** While connections break a tool may need longer; it may not be wrong. */
const cutSlack = 4

/** Registers a test for each case. */
export function holdRollouts({ road, names, cut = [] }: Holding): void {
  const whole = names.map((name): Case => ({ name, road }))
  const broken = cut.map((name): Case => ({ name, road }))
  const found = new Map<Case, Played>()
  let rig: PuppetRig | undefined
  before(async () => {
    rig = await startPuppetRig({ name: `rollouts-${road}` })
    const played = await playAll(whole, { rig, width, slack })
    const again = await playAll(broken, { rig, width, cut: true, slack: cutSlack })
    for (const [i, one] of [...whole, ...broken].entries()) {
      const answer = [...played, ...again][i]
      if (answer !== undefined) found.set(one, answer)
    }
  })
  after(() => rig?.stop())
  for (const one of whole) test(`${one.name} (${road})`, () => hold(found.get(one)))
  for (const one of broken) test(`${one.name} (${road}) while connections break`, () => hold(found.get(one)))
}

function hold(played: Played | undefined): void {
  assert.ok(played !== undefined, 'it was not played')
  assert.deepEqual(played.unproven, [], `the rig does not show what the file says:\n${show(played)}`)
  assert.deepEqual(played.judged.wrong, [], show(played))
  assert.equal(played.judged.late, false, show(played))
}
