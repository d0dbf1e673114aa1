/**
 * How the puppets speak to the API server: mgo's own client, under another name in the audit log.
 *
 * @module
 */
import { findLogin } from '../../src/config/login.ts'
import { run } from '../../src/exec.ts'
import { openHttp } from '../../src/kube/http.ts'
import { openKube } from '../../src/kube/kube.ts'
import type { Kube, Resource } from '../../src/ports.ts'
import type { K8sObject } from '../../src/release/object.ts'

export type Sent = {
  readonly method: 'GET' | 'PATCH' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
}

export type Api = {
  readonly kube: Kube
  /** Any answer of the server; the status tells how it went. */
  ask(sent: Sent): Promise<{ readonly status: number; readonly body: unknown }>
  /** The resource of a kind as people write it (`deployment`, `ConfigMap`); core kinds first. */
  kind(name: string): Promise<Resource>
  close(): Promise<void>
}

export const merge = 'application/merge-patch+json'
export const strategic = 'application/strategic-merge-patch+json'

export type ApiOptions = { readonly kubeconfig: string; readonly context: string; readonly agent?: string }

/** Opens a cluster; nothing is sent yet. */
export function openApi({ kubeconfig, context, agent = 'puppet' }: ApiOptions): Api {
  const login = findLogin(context, { kubeconfig, env: {}, run, now: Date.now })
  const http = openHttp(login, { agent })
  const kube = openKube(login, { agent })
  return {
    kube,
    ask: (sent) => http.ask({ ...sent, what: `${sent.method} ${sent.path}` }),
    async kind(name) {
      const wanted = name.toLowerCase()
      const served = (await kube.apiVersions()).map((one) => one.split('/'))
      const found = served.filter((one) => one.length > 1 && one.at(-1)?.toLowerCase() === wanted)
      // `v1/Event` before `events.k8s.io/v1/Event`.
      const [best] = found.toSorted((a, b) => a.length - b.length)
      const [group, version, kind] = best?.length === 2 ? ['', ...best] : (best ?? [])
      const resource = await kube.resource(group ?? '', version ?? '', kind ?? '')
      if (resource === undefined) throw new Error(`the cluster serves no kind ${name}`)
      return resource
    },
    close: async () => {
      await Promise.all([http.close(), kube.close()])
    },
  }
}

/** The path of a resource, of all its objects in a namespace, or of one. */
export function pathOf(
  { group, version, plural, namespaced }: Pick<Resource, 'group' | 'version' | 'plural' | 'namespaced'>,
  namespace: string,
  name?: string,
): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  const space = namespaced && namespace !== '' ? `/namespaces/${namespace}` : ''
  return `${root}${space}/${plural}${name === undefined ? '' : `/${name}`}`
}

/** The resources that puppets play. */
export const pods = { group: '', version: 'v1', plural: 'pods', namespaced: true }
export const claims = { group: '', version: 'v1', plural: 'persistentvolumeclaims', namespaced: true }
export const volumes = { group: '', version: 'v1', plural: 'persistentvolumes', namespaced: false }
export const services = { group: '', version: 'v1', plural: 'services', namespaced: true }

/** The time as Kubernetes writes it. */
export function timestamp(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z')
}

/** Waits so many seconds; rejects when `signal` aborts. */
export function wait(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, seconds * 1000)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}

/** Lets an actor leave the stage quietly when it was stopped; whatever else went wrong is told. */
export function quietly(acting: Promise<unknown>, signal: AbortSignal, say: (line: string) => void): void {
  acting.catch((error: unknown) => {
    if (!signal.aborted) say(`puppet: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  })
}

/** Follows a selection for as long as nobody stops it; a kind that is not served yet is asked for again. */
export async function follow(
  kube: Kube,
  { selection, signal }: { readonly selection: Parameters<Kube['watch']>[0]; readonly signal: AbortSignal },
  seen: (kind: 'there' | 'gone', object: K8sObject) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const event of kube.watch(selection, signal)) {
        if ('object' in event) seen(event.kind === 'gone' ? 'gone' : 'there', event.object)
      }
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}
