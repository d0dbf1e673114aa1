/**
 * R6: pushes until one lands, while others push to the same branch so many times a second; against a plain loop of fetch,
 * commit and push in a kept clone. Counts, but of races: a busy machine loses more of them. Whoever gives up ends its run; `gaveUp` says so.
 *
 * `--files 1000 --runs 50 --rate 20`
 *
 * @module
 */
import { type Bed, makeBed } from './gitops.ts'
import { figures, number } from './measure.ts'

/** Gives pushes for each deploy of each way, the foreign pushes a second that there truly were, and milliseconds of a deploy. */
export async function run(args: readonly string[]) {
  const [files, runs, rate] = [number(args, 'files', 1_000), number(args, 'runs', 50), number(args, 'rate', 20)]
  const [mine, plain] = [await makeBed(files), await makeBed(files)]
  try {
    const mgo = await mine.mgo()
    const clone = await plain.stubbornClone()
    const a = await raced(mine, { runs, rate }, async (i) => {
      await mgo.deploy(i % files, `m${i}`)
    })
    const b = await raced(plain, { runs, rate }, (i) => clone(i % files, `p${i}`))
    await mgo.close()
    return { files, asked: rate, mgo: a, plain: b }
  } finally {
    await Promise.all([mine.close(), plain.close()])
  }
}

type Race = { readonly runs: number; readonly rate: number }

async function raced(bed: Bed, { runs, rate }: Race, deploy: (i: number) => Promise<void>) {
  await deploy(0)
  let isOver = false
  const begunMs = performance.now()
  const others = pushing(bed, 1_000 / rate, () => isOver)
  const [pushes, took]: [number[], number[]] = [[], []]
  let gaveUp: string | undefined
  for (let i = 1; i <= runs; i++) {
    const [before, startedMs] = [bed.pushes(), performance.now()]
    const failure = await deploy(i).then(
      () => undefined,
      (error: Error) => error.message,
    )
    if (failure !== undefined) {
      gaveUp = failure
      break
    }
    took.push(performance.now() - startedMs)
    pushes.push(bed.pushes() - before)
  }
  isOver = true
  const perSecond = (await others) / ((performance.now() - begunMs) / 1_000)
  return { pushes: figures(pushes), ms: figures(took), gaveUp, othersPerSecond: Math.round(perSecond * 10) / 10 }
}

/** Gives how many went through. What a push itself takes is part of the interval. */
async function pushing(bed: Bed, everyMs: number, isOver: () => boolean): Promise<number> {
  let count = 0
  while (!isOver()) {
    const dueMs = performance.now() + everyMs
    if (await bed.foreign()) count++
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())))
  }
  return count
}
