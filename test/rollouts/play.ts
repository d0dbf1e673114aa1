/**
 * Plays one rollout by one road, and judges what came of it.
 *
 * @module
 */
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quietly } from '../puppet/api.ts'
import { lendHand } from '../puppet/hand.ts'
import type { PuppetRig } from '../puppet/rig.ts'
import { startCutter } from './cut.ts'
import { amiss } from './eyes.ts'
import { clearGround, type Ground, layGround, prepare, settled, unproven } from './ground.ts'
import { type Judged, judge } from './judge.ts'
import { serverOf, writeKubeconfig } from './kubeconfig.ts'
import { openRoad, type RoadName, type Said, type Tool } from './road.ts'
import { readRollout, type Want } from './rollout.ts'

export type Case = { readonly name: string; readonly road: RoadName }

export type Playing = {
  readonly rig: PuppetRig
  /** Where the files are, if not in this folder. */
  readonly folder?: string | undefined
  /** How many times `within_s` an answer may take. */
  readonly slack?: number
  /** Resets mgo's connections to the API server at random moments. */
  readonly cut?: boolean
}

export type Played = Case & {
  readonly want: Want
  readonly said: Said
  readonly judged: Judged
  /** What the rig itself did not show, or could not do: then the case says nothing about the tool. */
  readonly unproven: readonly string[]
}

let turns = 0

/** Plays a case from an empty namespace to its verdict. Rejects only where the rig itself fails. */
export async function play({ name, road }: Case, { rig, folder, slack, cut }: Playing): Promise<Played> {
  turns++
  const namespace = `${name.slice(0, 36)}-${road}-${turns}`
  const rollout = readRollout(name, namespace, folder)
  const ground = await layGround(rig, rollout, namespace)
  const kubeconfig = join(tmpdir(), `mgo-rollout-${process.pid}-${namespace}.json`)
  const cutter = cut === true ? await startCutter(serverOf(rig.kubeconfig)) : undefined
  writeKubeconfig(rig.kubeconfig, kubeconfig, cutter === undefined ? {} : { server: cutter.server })
  const tool = openRoad({ ground, road, kubeconfig })
  try {
    const said = await deploy({ ground, tool, limit: limitOf(rollout.want), start: () => cutter?.begin() })
    const judged = judge(said, rollout.want, slack)
    const untrue = said.word === 'healthy' && !judged.green ? await untruths(ground) : []
    const missing = await unproven(ground)
    const wrong = [...judged.wrong, ...untrue.map((one) => `said healthy, and ${one}`)]
    const whole = { wrong, late: judged.late, green: judged.green || untrue.length > 0 }
    return { name, road, want: rollout.want, said, judged: whole, unproven: missing }
  } finally {
    tool.close()
    await cutter?.close()
    rmSync(kubeconfig, { force: true })
    await clearGround(ground)
  }
}

export type Deploying = {
  readonly ground: Ground
  readonly tool: Tool
  /** Seconds that the tool may wait. */
  readonly limit: number
  /** Told when the deploy under test begins. */
  readonly start?: () => void
}

/** Brings the first version there, and then the one under test. */
export async function deploy({ ground, tool, limit, start }: Deploying): Promise<Said> {
  const { rollout, api, namespace } = ground
  const before = rollout.before ?? []
  if (before.length > 0) {
    await tool.before(before)
    await settled(ground, before)
  }
  await prepare(ground)
  const hands = new AbortController()
  for (const hand of rollout.during ?? [])
    quietly(lendHand(hand, { api, namespace, signal: hands.signal }), hands.signal, (line) =>
      process.stderr.write(line),
    )
  start?.()
  try {
    return await tool.after(rollout.after, limit)
  } finally {
    hands.abort()
  }
}

/** The limit of a deploy: who is to wait for ever waits until the cause can be named; all others must be sooner. */
function limitOf({ word, within_s }: Want): number {
  return Math.ceil(within_s) + (word === 'waiting-forever' ? 1 : 20)
}

async function untruths({ api, rollout, place }: Ground): Promise<readonly string[]> {
  return amiss(api, await Promise.all(rollout.after.map(place)))
}
