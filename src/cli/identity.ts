/**
 * What a call to a server shows as its identity: the token that it was given, or, in a job of GitHub Actions that may ask
 * for one, the job's own. It goes into a header and nowhere else.
 *
 * @module
 */
import { MgoError, messageOf } from '../error.ts'
import type { Edges } from './edges.ts'

/** Asked again before each call: a job's token lives for minutes, and a deploy may take longer. */
export type Identity = () => Promise<string | undefined>

type Showing = { readonly server: string; readonly token: string | undefined; readonly agent: string }

/** Finds the identity for a server: `--token`, MGO_TOKEN, MGO_TOKEN_FILE, or GitHub's. */
export function identityFor(
  { server, token, agent }: Showing,
  { env, secret }: Pick<Edges, 'env' | 'secret'>,
): Identity {
  const given = token ?? secret('MGO_TOKEN')
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: right } = env
  if (given !== undefined || !url || !right) return async () => given
  const audience = env['MGO_AUDIENCE'] || server.replace(/\/+$/, '')
  return () => fromGitHub(url, audience, { authorization: `Bearer ${right}`, 'user-agent': agent })
}

async function fromGitHub(url: string, audience: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const address = new URL(url)
  address.searchParams.set('audience', audience)
  try {
    const response = await fetch(address, { headers, redirect: 'error', signal: AbortSignal.timeout(30_000) })
    const { value } = (await response.json()) as { readonly value?: unknown }
    if (response.ok && typeof value === 'string' && value !== '') return value
    throw new Error(`it answers ${response.status}`)
  } catch (cause) {
    throw new MgoError(
      {
        code: 'SERVER_UNREACHABLE',
        message: `GitHub gives this job no identity token: ${messageOf(cause)}`,
        hint: 'Does the job have "permissions: id-token: write"? MGO_TOKEN would be used instead.',
      },
      { cause },
    )
  }
}
