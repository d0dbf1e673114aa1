/**
 * A kubeconfig context → how to reach that API server. Files are read when they are needed and tokens asked for again
 * before they run out, because clouds rotate them.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { MgoError } from '../error.ts'
import type { Run } from '../exec.ts'
import { nearest } from '../manifest/nearest.ts'
import type { Credential, Login } from '../ports.ts'
import { execCredential } from './exec-credential.ts'
import {
  type Entry,
  invalid,
  type KubeCluster,
  type Kubeconfig,
  kubeconfigFiles,
  type KubeUser,
  readKubeconfig,
} from './kubeconfig.ts'

export type LoginOptions = {
  readonly kubeconfig: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly run: Run
  readonly now: () => number
}

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * Finds the login of a context.
 *
 * Inside a pod without any kubeconfig, the pod's own service account reaches the cluster it runs on.
 *
 * @throws MgoError KUBECONFIG_INVALID: no such file, context, cluster or user; the message names the nearest contexts
 */
export function findLogin(context: string, options: LoginOptions): Login {
  const files = kubeconfigFiles(options.kubeconfig, options.env)
  if (files.length === 0) {
    const inside = inCluster(context, options.env)
    if (inside !== undefined) return inside
    throw new MgoError({
      code: 'KUBECONFIG_INVALID',
      message: `there is no kubeconfig, so the cluster of context ${context} cannot be reached`,
      hint: 'Give --kubeconfig FILE, set KUBECONFIG, or use --commit-only to stop after the commit.',
    })
  }
  const config = readKubeconfig(files)
  const found = config.contexts.get(context)
  if (found === undefined) throw unknownContext(context, config)
  const cluster = config.clusters.get(found.cluster)
  if (cluster === undefined)
    throw invalid(files[0] ?? '', `its context ${context} names the cluster ${found.cluster}, which is not there`)
  const user = found.user ? config.users.get(found.user) : { value: {}, folder: '.' }
  if (user === undefined)
    throw invalid(files[0] ?? '', `its context ${context} names the user ${found.user ?? ''}, which is not there`)
  return { ...login(context, { cluster, user, options }), ...(found.namespace ? { namespace: found.namespace } : {}) }
}

function unknownContext(context: string, config: Kubeconfig): MgoError {
  const near = nearest(context, [...config.contexts.keys()], 5)
  return new MgoError({
    code: 'KUBECONFIG_INVALID',
    message: `the kubeconfig has no context ${context}`,
    hint:
      near.length === 0
        ? `${config.files.join(', ')} holds no context at all.`
        : `It has: ${near.join(', ')}. A cluster of another name is mapped by clusters.<name>.context in mygitops.yaml.`,
  })
}

type Parts = {
  readonly cluster: Entry<KubeCluster>
  readonly user: Entry<KubeUser>
  readonly options: LoginOptions
}

function login(context: string, { cluster, user, options }: Parts): Login {
  const { value } = cluster
  const ca = pem(value['certificate-authority-data'], value['certificate-authority'], cluster.folder)
  if (user.value['auth-provider'] !== undefined)
    throw invalid(context, 'its user has an auth-provider, which Kubernetes has removed; use exec')
  const asUser = user.value.as
  return {
    context,
    server: value.server.replace(/\/+$/, ''),
    ...(ca === undefined ? {} : { ca }),
    ...(value['tls-server-name'] ? { serverName: value['tls-server-name'] } : {}),
    ...(value['insecure-skip-tls-verify'] ? { insecure: true } : {}),
    ...(value['proxy-url'] ? { proxy: value['proxy-url'] } : {}),
    ...(user.value.password ? { unsent: passwordOf(user.value) } : {}),
    ...(asUser ? { impersonate: { user: asUser, groups: user.value['as-groups'] ?? [] } } : {}),
    credential: credentialOf(context, { cluster, user, options }),
  }
}

/** As it is, and as HTTP Basic packs it. */
function passwordOf({ username, password }: KubeUser): readonly string[] {
  return [password ?? '', `${username ?? ''}:${password ?? ''}`]
}

function credentialOf(context: string, { cluster, user, options }: Parts): Login['credential'] {
  const { value, folder } = user
  const cert = pem(value['client-certificate-data'], value['client-certificate'], folder)
  const key = pem(value['client-key-data'], value['client-key'], folder)
  const fixed: Credential = cert && key ? { cert, key } : {}
  if (value.exec) return execCredential(context, { exec: value.exec, folder, server: cluster.value.server, ...options })
  const { tokenFile, token } = value
  if (tokenFile) {
    const path = resolve(folder, tokenFile)
    return async () => ({ ...fixed, token: (await readFile(path, 'utf8')).trim() })
  }
  return async () => ({ ...fixed, ...(token ? { token } : {}) })
}

function pem(data: string | null | undefined, file: string | null | undefined, folder: string): string | undefined {
  if (data) return Buffer.from(data, 'base64').toString('utf8')
  if (!file) return undefined
  const path = resolve(folder, file)
  if (!existsSync(path)) throw invalid(path, 'the kubeconfig names this file, and it is not there')
  return readFileSync(path, 'utf8')
}

function inCluster(context: string, env: LoginOptions['env']): Login | undefined {
  const host = env['KUBERNETES_SERVICE_HOST']
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443'
  if (host === undefined || !existsSync(join(serviceAccount, 'token'))) return undefined
  return {
    context,
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: readFileSync(join(serviceAccount, 'ca.crt'), 'utf8'),
    insidePod: true,
    // The kubelet rotates it; reading a small file from memory costs nothing.
    credential: async () => ({ token: (await readFile(join(serviceAccount, 'token'), 'utf8')).trim() }),
  }
}
