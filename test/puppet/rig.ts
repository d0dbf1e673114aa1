/**
 * A rig whose nodes are puppets.
 *
 * @module
 */
import { type Rig, type RigOptions, startRig } from '../rig/rig.ts'
import { type Puppets, startPuppets } from './puppets.ts'

export type PuppetRig = Rig & { readonly puppets: Puppets }

/** Starts a cluster with puppets. About ten seconds. */
export async function startPuppetRig(options: Omit<RigOptions, 'nodes'>): Promise<PuppetRig> {
  const rig = await startRig({ ...options, nodes: 'puppets' })
  try {
    const puppets = await startPuppets(rig)
    const stop = async () => {
      await puppets.stop()
      await rig.stop()
    }
    return { ...rig, puppets, stop }
  } catch (error) {
    await rig.stop()
    throw error
  }
}
