/**
 * P2: one deploy on an idle mgo, from accepted to visible on the remote, against `git commit && git push` in a kept clone.
 *
 * `--files 1000 --runs 20`
 *
 * @module
 */
import { makeBed } from './gitops.ts'
import { figures, number, timed } from './measure.ts'

/** Gives milliseconds of each way, in turns. */
export async function run(args: readonly string[]) {
  const [files, runs] = [number(args, 'files', 1_000), number(args, 'runs', 20)]
  // A repo each: a foreign push between two of mgo's own would be another measurement.
  const [bed, peers] = [await makeBed(files), await makeBed(files)]
  try {
    const mgo = await bed.mgo()
    await mgo.deploy(0, 'warm')
    const kept = await peers.keptClone()
    const samples: Record<'mgo' | 'keptClone', number[]> = { mgo: [], keptClone: [] }
    for (let i = 0; i < runs; i++) {
      samples.mgo.push(await timed(() => mgo.deploy(i % files, `m${i}`)))
      samples.keptClone.push(await timed(() => kept(i % files, `k${i}`)))
    }
    await mgo.close()
    const [a, b] = [figures(samples.mgo), figures(samples.keptClone)]
    return { files, unit: 'ms', mgo: a, keptClone: b, timesFaster: b.p50 / a.p50 }
  } finally {
    await Promise.all([bed.close(), peers.close()])
  }
}
