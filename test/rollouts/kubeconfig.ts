/**
 * A kubeconfig of its own for one case: another way to the API server, or another name there.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'

type Kubeconfig = {
  readonly clusters: readonly { readonly name: string; readonly cluster: { readonly server: string } }[]
  readonly users: readonly { readonly name: string; readonly user: object }[]
}

/** `as`: a name under which the audit log knows all that is done with it. */
export type Changes = { readonly server?: string; readonly as?: string }

function read(file: string): Kubeconfig {
  return JSON.parse(readFileSync(file, 'utf8')) as Kubeconfig
}

/** The API server of a rig's kubeconfig. */
export function serverOf(kubeconfig: string): string {
  return read(kubeconfig).clusters[0]?.cluster.server ?? ''
}

/** Writes a changed copy of a rig's kubeconfig. */
export function writeKubeconfig(from: string, to: string, { server, as }: Changes): void {
  const config = read(from)
  const who = as === undefined ? {} : { as, 'as-groups': ['system:masters'] }
  const changed = {
    ...config,
    clusters: config.clusters.map(({ name, cluster }) => ({
      name,
      cluster: server === undefined ? cluster : { ...cluster, server },
    })),
    users: config.users.map(({ name, user }) => ({ name, user: { ...user, ...who } })),
  }
  writeFileSync(to, JSON.stringify(changed), { mode: 0o600 })
}
