/**
 * Every row of the fault matrix that has no cluster in it, upon a server with more than a hundred requests under way, at
 * moments that a seed chooses; the checker judges afterwards.
 *
 * `MGO_SEEDS=20 node --test test/faults/rows.e2e.ts` runs as many seeds of each row, `MGO_ROW=R4` only that row,
 * `MGO_SEED=7` only that seed.
 *
 * @module
 */
import { test } from 'node:test'
import { startTrial } from '../trial.ts'
import { chance, seeds } from './chance.ts'
import { crowds } from './crowds.ts'
import { deaths } from './deaths.ts'
import { disks } from './disks.ts'
import { apps, type Fault, startLoad } from './fault.ts'
import { outages } from './outages.ts'
import { again } from './senders.ts'
import { rolled } from './versions.ts'
import { writers } from './writers.ts'

const only = process.env['MGO_ROW']
const rows = [...deaths, rolled, again, ...writers, ...outages, ...disks, ...crowds]

async function tried(fault: Fault, seed: number): Promise<void> {
  const next = chance(seed * 100 + Number(fault.row.slice(1)))
  await fault.prepare?.(next)
  const trial = await startTrial({ apps, args: ['--git-timeout', '3s'], ...fault.options?.(next) })
  try {
    await fault.before?.({ trial, next })
    // Pushes that take their time keep more under way.
    trial.git.fault('slow', 1_000)
    const load = startLoad(trial, chance(seed + 1_000))
    await fault.play({ trial, next, load })
    await load.over
    await trial.check()
    await fault.after?.({ trial, next, load })
  } catch (error) {
    // What the server said at the end is what one needs to know.
    throw new Error(`${fault.row}, seed ${seed}: ${trial.service().log().slice(-3_000)}`, { cause: error })
  } finally {
    await trial.end()
  }
}

for (const make of rows) {
  const { row, does } = make()
  if (only !== undefined && only !== row) continue
  for (const seed of seeds(1)) test(`${row}: ${does} (seed ${seed})`, { timeout: 180_000 }, () => tried(make(), seed))
}
