/**
 * Logins of chart repositories, from helm's own files, which the operator names in the environment: repositories.yaml as
 * `helm repo add` writes it, and the registry config of `helm registry login`. An entry counts for its own address, so a
 * gitops repo that names another one gets no password.
 *
 * @module
 */
import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { z } from 'zod'
import { MgoError } from '../error.ts'
import type { ChartLogin } from '../ports.ts'

const text = z.string()
const repositoriesShape = z.object({
  repositories: z
    .array(
      z.object({
        url: text,
        username: text.nullish(),
        password: text.nullish(),
        caFile: text.nullish(),
        certFile: text.nullish(),
        keyFile: text.nullish(),
        insecure_skip_tls_verify: z.boolean().nullish(),
      }),
    )
    .nullish(),
})
const authShape = z.object({
  auth: text.optional(),
  password: text.optional(),
  identitytoken: text.optional(),
  registrytoken: text.optional(),
})
const registryShape = z.object({ auths: z.record(text, authShape).nullish() })

type Env = Readonly<Record<string, string | undefined>>

/** Reads both files, each time anew; `learn` is told every secret. Throws CONFIG_INVALID. */
export function chartLogins(env: Env, learn: (...secrets: readonly string[]) => void) {
  return async (): Promise<readonly ChartLogin[]> => {
    const registries = await read(env, 'HELM_REGISTRY_CONFIG', registryShape)
    for (const one of Object.values(registries?.auths ?? {})) learn(...secretsOf(one))
    const { repositories } = (await read(env, 'HELM_REPOSITORY_CONFIG', repositoriesShape)) ?? {}
    const logins = (repositories ?? []).flatMap(loginOf)
    for (const { username, password } of logins) learn(password, `${username}:${password}`)
    return logins
  }
}

type Repository = NonNullable<z.infer<typeof repositoriesShape>['repositories']>[number]

/** One without a password needs no login; what it says of certificates is then not asked for either. */
function loginOf(one: Repository): readonly ChartLogin[] {
  const { url, username, password, caFile, certFile, keyFile } = one
  if (!username || !password) return []
  const files = { caFile: caFile || undefined, certFile: certFile || undefined, keyFile: keyFile || undefined }
  return [{ url, username, password, ...files, insecure: one.insecure_skip_tls_verify === true }]
}

function secretsOf(one: z.infer<typeof authShape>): readonly string[] {
  const { auth = '', password = '', identitytoken = '', registrytoken = '' } = one
  const decoded = Buffer.from(auth, 'base64').toString('utf8')
  const own = decoded.slice(decoded.indexOf(':') + 1)
  return [auth, own, password, identitytoken, registrytoken].filter((text) => text !== '')
}

async function read<T>(env: Env, name: string, shape: z.ZodType<T>): Promise<T | undefined> {
  const file = env[name] || undefined
  if (file === undefined) return undefined
  try {
    return shape.parse(parse(await readFile(file, 'utf8')) ?? {})
  } catch (cause) {
    // What a parser says quotes the file, and the file holds passwords.
    const why = (cause as NodeJS.ErrnoException).code ?? 'it is not what helm writes'
    throw new MgoError({
      code: 'CONFIG_INVALID',
      message: `${name} names ${file}, which cannot be read (${why})`,
      hint: 'Is it mounted, and may mgo read it? helm repo add and helm registry login write such files.',
    })
  }
}
