/**
 * P1: attributed commits pushed a second, many requests at once, against a loop of commit and push in a kept clone and
 * against a fresh clone for each. git over HTTP on loopback.
 *
 * `--files 1000 --requests 100 --runs 3 --peer 10`
 *
 * @module
 */
import { makeBed } from './gitops.ts'
import { figures, number, timed } from './measure.ts'

/** Gives commits a second of each way, and the ratios of their medians. */
export async function run(args: readonly string[]) {
  const [files, requests] = [number(args, 'files', 1_000), number(args, 'requests', 100)]
  const [runs, peer] = [number(args, 'runs', 3), number(args, 'peer', 10)]
  // A repo each: a foreign push between two of mgo's own would be another measurement.
  const [bed, peers, third] = [await makeBed(files), await makeBed(files), await makeBed(files)]
  try {
    const mgo = await bed.mgo()
    await mgo.deploy(0, 'warm')
    const kept = await peers.keptClone()
    await kept(0, 'warm-2')
    const rates: Record<'mgo' | 'keptClone' | 'clonePerDeploy', number[]> = {
      mgo: [],
      keptClone: [],
      clonePerDeploy: [],
    }
    for (let turn = 0; turn < runs; turn++) {
      const mine = await timed(async () => {
        const all = Array.from({ length: requests }, (_, i) => mgo.deploy(i % files, `m${turn}-${i}`))
        for (const one of await Promise.all(all))
          if (one.kind !== 'committed') throw new Error(`a request was ${one.kind}`)
      })
      rates.mgo.push((requests / mine) * 1000)
      const loop = await timed(async () => {
        for (let i = 0; i < peer; i++) await kept(i, `k${turn}-${i}`)
      })
      rates.keptClone.push((peer / loop) * 1000)
      const clones = Math.max(1, Math.floor(peer / 3))
      const cloning = await timed(async () => {
        for (let i = 0; i < clones; i++) await third.clonePerDeploy(i, `c${turn}-${i}`)
      })
      rates.clonePerDeploy.push((clones / cloning) * 1000)
    }
    await mgo.close()
    const [a, b, c] = [figures(rates.mgo), figures(rates.keptClone), figures(rates.clonePerDeploy)]
    return {
      files,
      requests,
      unit: 'commits a second',
      mgo: a,
      keptClone: b,
      clonePerDeploy: c,
      timesKept: a.p50 / b.p50,
      timesClone: a.p50 / c.p50,
    }
  } finally {
    await Promise.all([bed.close(), peers.close(), third.close()])
  }
}
