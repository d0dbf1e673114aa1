/**
 * Puppets in place of the nodes, the storage, the cloud and the operators of a cluster: each namespace can be given a
 * script; without one everything goes well. The API server, its controllers and its scheduler are the real ones.
 *
 * @module
 */
import { type ApiOptions, openApi } from './api.ts'
import { serveBalancers } from './balancer.ts'
import { recorder } from './events.ts'
import { kubelet, type Stage } from './kubelet.ts'
import { everyNode, type Nodes, openNodes } from './nodes.ts'
import { operate } from './operator.ts'
import { plainScript, type Script } from './script.ts'
import { makeClasses, serveStorage } from './storage.ts'

export type Puppets = {
  readonly nodes: Nodes
  /** Gives a namespace its script; to be called before its first object is made. */
  perform(namespace: string, script: Script): void
  /** Ends the script of a namespace; what is still there plays on as plain objects do. */
  leave(namespace: string): void
  stop(): Promise<void>
}

/** Brings the puppets of a cluster onto the stage, and waits until its nodes take pods. */
export async function startPuppets(
  options: ApiOptions,
  say: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Promise<Puppets> {
  const api = openApi(options)
  const scripts = new Map<string, { readonly script: Script; readonly end: AbortController }>()
  const whole = new AbortController()
  const stage: Stage = {
    api,
    record: recorder(api),
    signal: whole.signal,
    scriptOf: (namespace) => scripts.get(namespace)?.script ?? plainScript,
    say,
  }
  const nodes = openNodes(api)
  await Promise.all([makeClasses(api), ...everyNode.map((one) => nodes.add(one))])
  const acting = [kubelet(stage, nodes.has), serveStorage(stage), serveBalancers(stage)]
  await Promise.all(everyNode.map(({ name }) => nodes.ready(name)))
  return {
    nodes,
    perform(namespace, script) {
      const end = new AbortController()
      scripts.set(namespace, { script, end })
      whole.signal.addEventListener('abort', () => end.abort())
      for (const rule of script.operators) acting.push(operate(rule, namespace, { ...stage, signal: end.signal }))
    },
    leave(namespace) {
      scripts.get(namespace)?.end.abort()
      scripts.delete(namespace)
    },
    async stop() {
      nodes.stop()
      whole.abort()
      await Promise.allSettled(acting)
      await api.close()
    },
  }
}
