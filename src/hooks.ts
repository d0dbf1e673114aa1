/**
 * What vendors call and who follows the branch, put together from the settings: hooks, registries, the follower.
 *
 * @module
 */
import { resolveHooks, type Secret } from './config/hooks.ts'
import type { ServerSettings } from './config/server-settings.ts'
import { currentTags } from './deploy/current.ts'
import type { Deployer } from './deploy/deploy.ts'
import { type Follower, follower } from './deploy/follow.ts'
import { MgoError } from './error.ts'
import type { Event } from './event/event.ts'
import type { Clock, World } from './ports.ts'
import { openRegistries, type RegistryLogin } from './registry/registry.ts'
import type { Hook } from './request/hook.ts'
import type { Access } from './server/auth.ts'
import type { Desk } from './server/desk.ts'
import { deliverer } from './server/hook-deliver.ts'
import type { FetchJson } from './server/keys.ts'
import { tokenVerifier } from './server/oidc.ts'
import type { WebhookOptions } from './server/webhook.ts'
import type { Part } from './reload.ts'
import type { Serving } from './serving.ts'

export type HooksOptions = {
  readonly serving: Pick<Serving, 'settings' | 'dryRun' | 'commitOnly'>
  readonly hooks: readonly Hook[]
  readonly secret: Secret
  readonly version: string
  readonly clock: Clock
  readonly fetchJson: FetchJson
  readonly print: (line: string) => void
  readonly access: Pick<Access, 'hook' | 'bounds'>
  readonly desk: Pick<Desk, 'accept' | 'verdict'>
  readonly world: World
  readonly deployer: Pick<Deployer, 'sync'>
  /** From 0 to 1. */
  readonly chance: () => number
}

export type Hooks = {
  readonly webhooks: WebhookOptions
  readonly reload: Part
  /** Hears what mgo does. */
  readonly told: (event: Event) => void
  /** Follows the branch, where the settings say so, until `close`. */
  readonly begin: () => void
  close(): Promise<void>
}

/** The hooks of the settings with their secrets. Throws CONFIG_INVALID with all that is missing. */
export function hooksOf({ hooks }: Pick<ServerSettings, 'hooks'>, secret: Secret): readonly Hook[] {
  const resolved = resolveHooks(hooks, secret)
  if (resolved.kind === 'ok') return resolved.hooks
  const [first] = resolved.problems
  if (first === undefined) throw new Error('refused without a problem')
  throw new MgoError(first, { problems: resolved.problems })
}

/** Opens them; nothing is followed yet. */
export function openHooks(options: HooksOptions): Hooks {
  const { serving, secret, version } = options
  let { hooks } = options
  let logins = loginsOf(serving.settings, secret)
  const registries = openRegistries({ logins: { get: (host) => logins.get(host) }, agent: `mgo/${version}` })
  const following = followerOf(options)
  const stop = new AbortController()
  let running: Promise<void> | undefined
  return {
    webhooks: {
      ...webhooksOf(options, (repository, tag) => registries.digest(repository, tag), following),
      hooks: () => hooks,
    },
    reload: ({ settings }) => {
      const next = { hooks: hooksOf(settings, secret), logins: loginsOf(settings, secret) }
      return () => void ({ hooks, logins } = next)
    },
    told: (event) => following?.told(event),
    begin: () => {
      running = following?.run(stop.signal)
    },
    close: async () => {
      stop.abort()
      await running
      await registries.close()
    },
  }
}

/** A server that touches no cluster brings none to the branch. */
function followerOf({ serving, world, deployer, chance }: HooksOptions): Follower | undefined {
  const { follow } = serving.settings
  if (follow === undefined || serving.dryRun || serving.commitOnly) return undefined
  const sync = deployer.sync.bind(deployer)
  return follower({ world, clusters: follow.clusters, everyMs: follow.every, chance, sync })
}

type Digest = (repository: string, tag: string) => Promise<string | undefined>

function webhooksOf(
  options: HooksOptions,
  digest: Digest,
  following: Follower | undefined,
): Omit<WebhookOptions, 'hooks'> {
  const { desk, access, world, fetchJson, clock, print } = options
  const deliver = deliverer({
    accept: (asking, once) => desk.accept(asking, once),
    isEnded: async (id) => (await desk.verdict(id, 0))?.verdict !== undefined,
    stamp: (name, asked) => access.hook(name).stamp(asked),
    digest,
    current: (cluster, source) => currentTags(cluster, source, world),
  })
  const moved = (branches: readonly string[]): string | undefined => {
    if (following === undefined) return 'this server follows no branch'
    if (!branches.includes(world.repo.branch)) return `this server follows the branch ${world.repo.branch}`
    following.look()
    return undefined
  }
  const verify = tokenVerifier({ fetchJson, clock, warn: print })
  return { bounds: access.bounds, verify, deliver, moved, now: () => clock.now() }
}

function loginsOf({ registries }: Pick<ServerSettings, 'registries'>, secret: Secret): Map<string, RegistryLogin> {
  return new Map(
    Object.entries(registries).map(([host, { username, passwordEnv, auth, plain }]) => {
      const password = passwordEnv === undefined ? undefined : () => secret(passwordEnv)
      return [host.toLowerCase(), { username, password, auth, plain }]
    }),
  )
}
