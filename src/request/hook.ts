/**
 * The words of webhooks: what a vendor is, what a delivery says, and what the server's settings make of it.
 *
 * A payload only points at something; what is written into the repo comes from the settings.
 *
 * @module
 */
import type { Cluster } from '../release/ids.ts'
import type { TagPolicy } from './hook-tags.ts'

/** A tag that somebody pushed. Nothing in here is checked yet but that it is text. */
export type Artifact = {
  /** The registry's host, where the payload says it. */
  readonly registry?: string | undefined
  readonly repository: string
  readonly tag: string
  readonly digest?: string | undefined
  /** The id of the event itself, where one delivery carries several. */
  readonly event?: string | undefined
}

/**
 * What a delivery says. `moved`: branches of a git repository. `ignored`: an ordinary event that is no push of a tag;
 * the sender must hear a 2xx, or it counts a failure. `greeted`: the sender wants to hear these words before it sends
 * anything. `unreadable`: not what this vendor sends.
 */
export type Heard =
  | { readonly kind: 'pushed'; readonly artifacts: readonly Artifact[]; readonly by?: string | undefined }
  | { readonly kind: 'moved'; readonly branches: readonly string[] }
  | { readonly kind: 'ignored'; readonly why: string }
  | { readonly kind: 'greeted'; readonly answer: Readonly<Record<string, string>> }
  | { readonly kind: 'unreadable'; readonly why: string }

/** A delivery whose proof was checked. Header names are in lower case. */
export type Delivery = { readonly headers: Readonly<Record<string, string | undefined>>; readonly body: unknown }

/**
 * How a delivery proves where it comes from. `path`: by nothing but the unguessable address. `header`: the secret itself
 * stands in one of these headers, alone or after `Bearer `. `hmac`: a signature over the raw body, in hex after `prefix`.
 * `standard`: that of github.com/standard-webhooks. `oidc`: a token that an issuer signed.
 */
export type Proof =
  | { readonly kind: 'path' }
  | { readonly kind: 'header'; readonly names: readonly string[] }
  | { readonly kind: 'hmac'; readonly header: string; readonly algorithm: 'sha256' | 'sha1'; readonly prefix: string }
  | { readonly kind: 'standard' }
  | { readonly kind: 'oidc' }

/** One vendor: a pure parser, and how its deliveries are proven and told apart. */
export type Vendor = {
  /** As in the address and in the settings. */
  readonly name: string
  /** As in docs/webhooks.md. */
  readonly title: string
  /** Any one of them is enough; what the settings give no secret for cannot be shown. */
  readonly proofs: readonly Proof[]
  /**
   * The id that a retry repeats, read from the body: what stands in a header is not signed, and a replay would change it.
   * Without one, the bytes of the body are the id.
   */
  readonly delivery?: (body: unknown) => string | undefined
  /** The payload may hold no time: the same tag pushed twice looks like a retry, so its bytes are an id for ten minutes only. */
  readonly timeless?: boolean
  /** Its JSON may be a list of events, whatever its content type says. */
  readonly lists?: boolean
  /** Whether such headers come with a greeting: it is answered to whoever knows the address, as proofs may come later. */
  readonly greets?: (headers: Delivery['headers']) => boolean
  /** Never throws, whatever the body is. */
  readonly read: (delivery: Delivery) => Heard
}

/** What pushes of one repository are good for. */
export type HookImage = {
  /** The repository as pushed, with its registry's host where it has one. */
  readonly repository: string
  /** The repository as the cluster pulls it: this is written. */
  readonly image: string
  readonly source: string
  readonly clusters: readonly Cluster[]
  readonly tags: TagPolicy
  /** Asks the registry which digest the tag has, and writes it. */
  readonly resolve: boolean
}

/** Whose tokens a hook takes. */
export type HookIssuer = { readonly issuer: string; readonly audience: string; readonly email?: string }

/** One hook of the server's settings, secrets filled in. */
export type Hook = {
  /** Its principal is `hook NAME`. */
  readonly name: string
  readonly vendor: string
  /** SHA-256, in hex, of each last path segment that is valid now. */
  readonly ids: readonly string[]
  /** Those that are valid now: two while one replaces the other. */
  readonly secrets: readonly string[]
  readonly oidc: HookIssuer | undefined
  /** Stands in for the host that payloads name. */
  readonly registry: string | undefined
  readonly images: readonly HookImage[]
}

/** Tags were pushed. A reference such as `:` splits into names without letters: those are none. */
export function pushed(artifacts: readonly Artifact[], by?: string): Heard {
  const named = artifacts.filter(({ repository, tag }) => repository !== '' && tag !== '')
  return named.length === 0 ? ignored('no image has a name and a tag') : { kind: 'pushed', artifacts: named, by }
}

/** An ordinary event that asks for nothing. */
export function ignored(why: string): Heard {
  return { kind: 'ignored', why }
}

/** The first of these that is missing makes the payload unreadable. */
export function missing(...fields: readonly string[]): Heard {
  return { kind: 'unreadable', why: `the payload has no ${fields.join(' or no ')}` }
}
