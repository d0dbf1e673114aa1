/**
 * Credentials from a program, as clouds hand them out (client.authentication.k8s.io, v1 and v1beta1): asked once, kept
 * until shortly before they run out, asked again when the server refused them.
 *
 * @module
 */
import { isAbsolute, resolve } from 'node:path'
import { z } from 'zod'
import { MgoError } from '../error.ts'
import type { Run } from '../exec.ts'
import type { Credential, Login } from '../ports.ts'
import type { KubeExec } from './kubeconfig.ts'

const answerShape = z.object({
  kind: z.literal('ExecCredential'),
  status: z.object({
    token: z.string().optional(),
    clientCertificateData: z.string().optional(),
    clientKeyData: z.string().optional(),
    expirationTimestamp: z.string().optional(),
  }),
})

export type ExecOptions = {
  readonly exec: KubeExec
  readonly folder: string
  readonly server: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly run: Run
  readonly now: () => number
}

/** A minute before a credential runs out another is asked for: a request may take that long. */
const skewMs = 60_000

/** Makes the credential of a user whose kubeconfig names a program. */
export function execCredential(context: string, options: ExecOptions): Login['credential'] {
  let kept: { readonly credential: Credential; readonly untilMs: number } | undefined
  let asking: Promise<Credential> | undefined
  const ask = async (): Promise<Credential> => {
    const { status } = await call(context, options)
    const untilMs =
      status.expirationTimestamp === undefined ? Infinity : Date.parse(status.expirationTimestamp) - skewMs
    const credential: Credential = {
      ...(status.token === undefined ? {} : { token: status.token }),
      ...(status.clientCertificateData === undefined ? {} : { cert: status.clientCertificateData }),
      ...(status.clientKeyData === undefined ? {} : { key: status.clientKeyData }),
    }
    kept = { credential, untilMs }
    return credential
  }
  return async (again) => {
    if (again === undefined && kept !== undefined && kept.untilMs > options.now()) return kept.credential
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }
}

async function call(context: string, options: ExecOptions): Promise<z.infer<typeof answerShape>> {
  const { exec, folder, server, env, run } = options
  const command = exec.command.includes('/') && !isAbsolute(exec.command) ? resolve(folder, exec.command) : exec.command
  const own = Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value]))
  const given = Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
  const asked = {
    apiVersion: exec.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...(exec.provideClusterInfo ? { cluster: { server } } : {}) },
  }
  const ran = await run(command, exec.args ?? [], {
    env: { ...given, ...own, KUBERNETES_EXEC_INFO: JSON.stringify(asked) },
    timeoutMs: 60_000,
    maxBytes: 1024 * 1024,
  })
  const parsed = ran.code === 0 ? answerShape.safeParse(json(ran.stdout.toString('utf8'))) : undefined
  if (parsed?.success) return parsed.data
  const why = ran.code === 0 ? 'its answer is no ExecCredential' : `it ended with ${ran.code}`
  throw new MgoError({
    code: 'KUBE_DENIED',
    message: `the login program ${exec.command} of context ${context} gave no credential: ${why}`,
    hint: exec.installHint ?? `Run ${exec.command} by hand; what it says on its error output stands only there.`,
  })
}

function json(textOfIt: string): unknown {
  try {
    return JSON.parse(textOfIt)
  } catch {
    return undefined
  }
}
