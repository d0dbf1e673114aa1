/**
 * Plays many cases side by side. What was right but late is played again alone: a machine that is full is not the
 * tool's lateness. So is what the rig itself did not show.
 *
 * @module
 */
import { type Case, play, type Played, type Playing } from './play.ts'

export type Crowd = Playing & {
  /** Cases at once. */
  readonly width: number
  readonly told?: (played: Played) => void
}

/** Plays all cases; the answer is in their order. */
export async function playAll(cases: readonly Case[], crowd: Crowd): Promise<readonly Played[]> {
  const played = new Map<Case, Played>()
  const line = [...cases]
  const hand = async () => {
    for (let next = line.shift(); next !== undefined; next = line.shift()) {
      const found = await playSafely(next, crowd)
      played.set(next, found)
      if (!isDoubtful(found)) crowd.told?.(found)
    }
  }
  await Promise.all(Array.from({ length: crowd.width }, hand))
  for (const one of cases) {
    const found = played.get(one)
    if (found === undefined || !isDoubtful(found)) continue
    const again = await playSafely(one, crowd)
    played.set(one, again)
    crowd.told?.(again)
  }
  return cases.flatMap((one) => played.get(one) ?? [])
}

function isDoubtful({ judged, unproven }: Played): boolean {
  return judged.wrong.length === 0 && (judged.late || unproven.length > 0)
}

/** Whether all of it is as it should be. */
export function isRight({ judged, unproven }: Played): boolean {
  return judged.wrong.length === 0 && !judged.late && unproven.length === 0
}

async function playSafely(one: Case, crowd: Crowd): Promise<Played> {
  return play(one, crowd).catch((error: unknown) => ({
    ...one,
    want: { word: 'healthy' as const, within_s: 0 },
    said: { word: 'nothing', code: undefined, sentence: '', seconds: 0, exit: -1 },
    judged: { wrong: [], late: false, green: false },
    unproven: [error instanceof Error ? error.message : String(error)],
  }))
}

/** One line for each case, and what is wrong with it below. */
export function show({ name, road, said, want, judged, unproven }: Played): string {
  const mark = judged.green ? 'GREEN' : judged.wrong.length > 0 ? 'wrong' : judged.late ? 'late' : 'ok'
  const sign = unproven.length > 0 && mark === 'ok' ? 'rig' : mark
  const took = `${said.seconds.toFixed(1)} of ${want.within_s} s`
  const head = [
    sign.padEnd(5),
    name.padEnd(34),
    road.padEnd(5),
    said.word.padEnd(10),
    (said.code ?? '').padEnd(17),
    took,
  ]
  const rest = [
    ...judged.wrong,
    ...unproven.map((one) => `the rig: ${one}`),
    ...(judged.wrong.length === 0 ? [] : [`says: ${said.sentence}`]),
  ]
  return [head.join('  '), ...rest.map((one) => `        ${one}`)].join('\n')
}
