/**
 * Kubeconfig files as data: the list of KUBECONFIG merged as kubectl merges it (the first to name a thing wins), paths
 * made absolute against the file they stand in.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { MgoError } from '../error.ts'

const text = z.string()
const execShape = z.object({
  apiVersion: text,
  command: text,
  args: z.array(text).nullish(),
  env: z.array(z.object({ name: text, value: text })).nullish(),
  provideClusterInfo: z.boolean().nullish(),
  installHint: text.nullish(),
})
const clusterShape = z.object({
  server: text,
  'certificate-authority': text.nullish(),
  'certificate-authority-data': text.nullish(),
  'insecure-skip-tls-verify': z.boolean().nullish(),
  'tls-server-name': text.nullish(),
  'proxy-url': text.nullish(),
})
const userShape = z.object({
  token: text.nullish(),
  tokenFile: text.nullish(),
  username: text.nullish(),
  password: text.nullish(),
  'client-certificate': text.nullish(),
  'client-certificate-data': text.nullish(),
  'client-key': text.nullish(),
  'client-key-data': text.nullish(),
  exec: execShape.nullish(),
  'auth-provider': z.unknown().optional(),
  as: text.nullish(),
  'as-groups': z.array(text).nullish(),
})
const contextShape = z.object({ cluster: text, user: text.nullish(), namespace: text.nullish() })
const named = <T extends z.ZodType, K extends string>(key: K, shape: T) =>
  z.array(z.object({ name: text, [key]: shape } as { name: typeof text } & Record<K, T>)).nullish()
const fileShape = z.object({
  'current-context': text.nullish(),
  clusters: named('cluster', clusterShape),
  users: named('user', userShape.nullish()),
  contexts: named('context', contextShape),
})

export type KubeCluster = z.infer<typeof clusterShape>
export type KubeUser = z.infer<typeof userShape>
export type KubeContext = z.infer<typeof contextShape>
export type KubeExec = z.infer<typeof execShape>

/** `folder`: what relative paths of that entry are relative to. */
export type Entry<T> = { readonly value: T; readonly folder: string }

export type Kubeconfig = {
  readonly files: readonly string[]
  readonly current: string | undefined
  readonly clusters: ReadonlyMap<string, Entry<KubeCluster>>
  readonly users: ReadonlyMap<string, Entry<KubeUser>>
  readonly contexts: ReadonlyMap<string, KubeContext>
}

/** The files to read: what was named, else KUBECONFIG, else `~/.kube/config`. */
export function kubeconfigFiles(
  named: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  if (named !== undefined) return [resolve(named)]
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter((one) => one !== '')
  if (listed.length > 0) return listed.map((one) => resolve(one)).filter((one) => existsSync(one))
  const home = join(env['HOME'] ?? '', '.kube', 'config')
  return existsSync(home) ? [home] : []
}

/**
 * Reads and merges kubeconfig files.
 *
 * @throws MgoError KUBECONFIG_INVALID
 */
export function readKubeconfig(files: readonly string[]): Kubeconfig {
  const clusters = new Map<string, Entry<KubeCluster>>()
  const users = new Map<string, Entry<KubeUser>>()
  const contexts = new Map<string, KubeContext>()
  let current: string | undefined
  for (const file of files) {
    const read = readOne(file)
    const folder = dirname(file)
    current ??= read['current-context'] || undefined
    for (const { name, cluster } of read.clusters ?? [])
      if (!clusters.has(name)) clusters.set(name, { value: cluster, folder })
    for (const { name, user } of read.users ?? []) if (!users.has(name)) users.set(name, { value: user ?? {}, folder })
    for (const { name, context } of read.contexts ?? []) if (!contexts.has(name)) contexts.set(name, context)
  }
  return { files, current, clusters, users, contexts }
}

function readOne(file: string): z.infer<typeof fileShape> {
  const content = readText(file)
  const doc = parseDocument(content, { maxAliasCount: -1 } as object)
  const [broken] = doc.errors
  if (broken !== undefined) throw invalid(file, broken.message.split('\n')[0] ?? 'it is no YAML')
  const parsed = fileShape.safeParse(doc.toJS() ?? {})
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw invalid(file, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as expected'}`)
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw invalid(file, `it cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`)
  }
}

/** The error of a kubeconfig. `why` never holds a value of it. */
export function invalid(file: string, why: string): MgoError {
  return new MgoError({
    code: 'KUBECONFIG_INVALID',
    message: `the kubeconfig ${file} cannot be used: ${why}`,
    hint: 'Try `kubectl config view --kubeconfig FILE`, or name another file with --kubeconfig.',
  })
}
