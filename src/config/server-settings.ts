/**
 * mgo.server.yaml → settings, every problem at once, each with its place. Nothing that is secret stands in it.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Document } from 'yaml'
import type { AccessSettings } from '../access/issuer.ts'
import { MgoError, type Problem } from '../error.ts'
import { parseDocuments, topMap } from '../manifest/document.ts'
import { readSource } from '../manifest/source.ts'
import { checkSettings } from './server-checks.ts'
import { type ServerShape, serverShape } from './server-shape.ts'
import { problemAt, shapeProblems } from './shape-problems.ts'

/** SHA-256 in hex: of the file, as sha256sum gives it, and of the policy alone, whatever stands around it. */
export type Hashes = { readonly file: string; readonly policy: string }

/** Paths are absolute. `warnings` are what an operator should know, and no reason not to start. */
export type ServerSettings = ServerShape & {
  readonly access: AccessSettings
  readonly warnings: readonly string[]
  readonly hashes: Hashes
}

export type ParsedServerSettings =
  | { readonly kind: 'ok'; readonly settings: ServerSettings }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

/** What a server without a file has. */
export function defaultServerSettings(): ServerSettings {
  const hashes = hashesOf(new Uint8Array(), [])
  return { ...serverShape.parse({}), access: { issuers: [], policy: [] }, warnings: [], hashes }
}

/** Reads the bytes of a settings file; `file` is its name in messages, and what relative paths are relative to. */
export function parseServerSettings(file: string, bytes: Uint8Array): ParsedServerSettings {
  const read = readSource(file, bytes)
  if (read.kind === 'refused') return refused([read.problem])
  const parsed = parseDocuments(read.source)
  if (parsed.kind === 'refused') return refused(parsed.problems)
  const [doc, second] = parsed.documents
  if (doc === undefined || topMap(doc) === undefined || second !== undefined)
    return refused([
      {
        code: 'CONFIG_INVALID',
        message: `${file} must be one map`,
        hint: 'Its keys are listen, gitops, policy …; see docs/server.md.',
      },
    ])
  const judged = { source: read.source, doc, shape: serverShape }
  const value = valueOf(doc)
  if (value.kind === 'refused') return refused([problemAt(judged, [], value.problem)])
  const found = serverShape.safeParse(value.value)
  if (!found.success) return refused(shapeProblems(found.error.issues, judged))
  const { problems, warnings } = checkSettings(found.data, judged)
  if (problems.length > 0) return refused(problems)
  const placed = absolute(found.data, dirname(resolve(file)))
  const access = accessOf(found.data)
  return { kind: 'ok', settings: { ...placed, access, warnings, hashes: hashesOf(bytes, access.policy) } }
}

function hashesOf(bytes: Uint8Array, policy: AccessSettings['policy']): Hashes {
  const sha256 = (value: Uint8Array | string) => createHash('sha256').update(value).digest('hex')
  return { file: sha256(bytes), policy: sha256(JSON.stringify(policy)) }
}

/**
 * Reads a settings file.
 *
 * @throws MgoError CONFIG_INVALID with every problem
 */
export function readServerSettings(file: string): ServerSettings {
  const parsed = parseServerSettings(file, bytesOf(file))
  if (parsed.kind === 'ok') return parsed.settings
  const [first] = parsed.problems
  if (first === undefined) throw new Error('refused without a problem')
  throw new MgoError(first, { problems: parsed.problems })
}

type Value =
  | { readonly kind: 'ok'; readonly value: unknown }
  | { readonly kind: 'refused'; readonly problem: readonly [string, string] }

/** YAML can be well formed and still mean nothing: a merge of what is no map, an alias within its own anchor. */
function valueOf(doc: Document): Value {
  try {
    return { kind: 'ok', value: doc.toJS({ maxAliasCount: -1 }) as unknown }
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''
    return { kind: 'refused', problem: [`its aliases and merges mean nothing: ${why}`, 'Write the values themselves.'] }
  }
}

function refused(problems: readonly Problem[]): ParsedServerSettings {
  return { kind: 'refused', problems: problems.map((one) => ({ ...one, ...masked(one), code: 'CONFIG_INVALID' })) }
}

/** A key that may hold a secret, rightly or not, and its value; and a login within an address. */
const secretValue =
  /(\b(?!\w*Env\b)\w*(?:webhook|passw|secret|credential|apikey)\w*["']?\s*:\s*)("[^"]*"?|'[^']*'?|[^\s,{}[\]]+)/gi
const login = /(:\/\/)([^\s/@"']+)(?=@)/g

/** The line of a problem is shown to whoever starts mgo, and in its log: what is secret in it is not. The caret stays where it is. */
function masked({ at }: Problem): Pick<Problem, 'at'> {
  if (at?.source === undefined) return {}
  const stars = (_: string, before: string, value: string) => before + '*'.repeat(value.length)
  return { at: { ...at, source: at.source.replace(secretValue, stars).replace(login, stars) } }
}

function bytesOf(file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? 'unknown'
    throw new MgoError(
      {
        code: 'CONFIG_INVALID',
        message: `the settings ${file} cannot be read (${why})`,
        hint: 'Name the file with --config.',
      },
      { cause },
    )
  }
}

function accessOf({ identities, policy, url }: ServerShape): AccessSettings {
  const issuers = Object.entries(identities?.issuers ?? {}).map(([name, one]) => ({
    name,
    issuer: one.issuer,
    audiences: one.audience ?? (url === undefined ? [] : [url]),
    algorithms: one.algorithms,
    jwks: one.jwks,
    claims: one.claims,
    leewayMs: one.leeway * 1000,
    maxAgeMs: one.maxAge * 1000,
  }))
  return { issuers, policy: policy ?? [] }
}

/** Relative paths are relative to the settings file. */
function absolute(shape: ServerShape, folder: string): ServerShape {
  const at = <T extends string | undefined>(path: T): T => (path === undefined ? path : resolve(folder, path)) as T
  const { tls, gitops, identities } = shape
  return {
    ...shape,
    kubeconfig: at(shape.kubeconfig),
    journal: at(shape.journal),
    helm: shape.helm?.includes('/') === true ? at(shape.helm) : shape.helm,
    ...(tls === undefined ? {} : { tls: { cert: at(tls.cert), key: at(tls.key) } }),
    ...(gitops === undefined
      ? {}
      : { gitops: { ...gitops, sshKey: at(gitops.sshKey), knownHosts: at(gitops.knownHosts) } }),
    ...(identities === undefined
      ? {}
      : {
          identities: {
            ...identities,
            tokens: typeof identities.tokens === 'string' ? at(identities.tokens) : identities.tokens,
          },
        }),
  }
}
