/**
 * Other tools that deploy a case and say how it went, with the settings that their documents name.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { K8sObject } from '../src/release/object.ts'
import { put } from '../test/git-server.ts'
import { call, type Ended } from '../test/mgo.ts'
import type { Ground } from '../test/rollouts/ground.ts'
import { chartOf, openRoad, type Said, type Tool, yaml } from '../test/rollouts/road.ts'

export const toolNames = ['kubectl', 'helm3', 'helm4', 'mgo'] as const
export type ToolName = (typeof toolNames)[number]

export type Opening = { readonly ground: Ground; readonly kubeconfig: string }

/** Opens a tool for one case. mgo goes by raw files. */
export function openTool(name: ToolName, opening: Opening): Tool {
  if (name === 'mgo') return openRoad({ ...opening, road: 'raw' })
  const home = mkdtempSync(join(tmpdir(), 'mgo-bench-'))
  const close = () => rmSync(home, { recursive: true, force: true })
  const tool = name === 'kubectl' ? kubectl(home, opening) : helm(name, home, opening)
  return { ...tool, close }
}

type Opened = Pick<Tool, 'before' | 'after'>

/** Only these can be asked with `kubectl rollout status`. */
const rollable = new Set(['Deployment', 'StatefulSet', 'DaemonSet'])

function kubectl(home: string, { ground, kubeconfig }: Opening): Opened {
  const { rig, namespace } = ground
  const run = (...args: readonly string[]) =>
    call(join(rig.bin, 'kubectl'), [...args, '-n', namespace, '--kubeconfig', kubeconfig], { HOME: home })
  const apply = (objects: readonly K8sObject[]) => {
    put(home, { 'all.yaml': yaml(objects) })
    return run('apply', '--server-side', '-f', join(home, 'all.yaml'))
  }
  return {
    before: async (objects) => good(await apply(objects)),
    async after(objects, timeoutSeconds) {
      const started = performance.now()
      let ended = await apply(objects)
      for (const { kind, metadata } of objects.filter((one) => rollable.has(one.kind))) {
        if (ended.code !== 0) break
        const left = Math.max(1, Math.ceil(timeoutSeconds - (performance.now() - started) / 1000))
        ended = await run('rollout', 'status', `${kind}/${metadata.name}`, `--timeout=${left}s`)
      }
      return said(ended, started)
    },
  }
}

function helm(name: 'helm3' | 'helm4', home: string, { ground, kubeconfig }: Opening): Opened {
  const { rig, namespace } = ground
  const upgrade = (objects: readonly K8sObject[], ...more: readonly string[]) => {
    put(home, chartOf(objects))
    const args = ['upgrade', '--install', 'case', join(home, 'charts', 'case'), ...more]
    return call(join(rig.bin, name), [...args, '-n', namespace, '--kubeconfig', kubeconfig], { HOME: home })
  }
  return {
    before: async (objects) => good(await upgrade(objects)),
    async after(objects, timeoutSeconds) {
      const started = performance.now()
      return said(await upgrade(objects, '--wait', '--wait-for-jobs', '--timeout', `${timeoutSeconds}s`), started)
    },
  }
}

function good({ code, stderr }: Ended): void {
  if (code !== 0) throw new Error(`the first version was not taken: ${stderr}`)
}

/** The word that a program's end and its own text amount to. */
function said({ code, stdout, stderr }: Ended, started: number): Said {
  const seconds = (performance.now() - started) / 1000
  const hasGivenUp = /timed out|deadline exceeded/i.test(stderr) && !/progress deadline/.test(stderr)
  const word = code === 0 ? 'healthy' : hasGivenUp ? 'timed-out' : 'failed'
  return { word, code: undefined, sentence: `${stdout}\n${stderr}`.trim(), seconds, exit: code }
}
