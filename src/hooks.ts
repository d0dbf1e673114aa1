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
import { openRegistries, type Registries, type RegistryLogin } from './registry/registry.ts'
import type { HeldMemory, HeldPush } from './release/held.ts'
import type { RequestId } from './release/ids.ts'
import type { Hook } from './request/hook.ts'
import { type Later, overtaking } from './request/hook-later.ts'
import type { Secrets } from './secrets.ts'
import type { Access } from './server/auth.ts'
import type { Desk } from './server/desk.ts'
import { openWaitingRoom, type WaitingRoom } from './server/held.ts'
import { type Deliverer, deliverer } from './server/hook-deliver.ts'
import type { FetchJson } from './server/keys.ts'
import type { Memory } from './server/memory.ts'
import type { Patience } from './server/patience.ts'
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
  readonly secrets: Pick<Secrets, 'hide'>
  readonly access: Pick<Access, 'hook' | 'bounds'>
  readonly desk: Pick<Desk, 'accept' | 'list'>
  readonly memory: Pick<Memory, 'openTags'>
  /** What is held is kept here. */
  readonly held: HeldMemory
  readonly waits: Patience
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
  /** Takes up the pushes that were held, and follows the branch, where the settings say so, until `close`. */
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

/** What the settings say of them, and may say otherwise later. */
type State = {
  readonly hooks: readonly Hook[]
  readonly logins: Map<string, RegistryLogin>
  readonly patienceMs: number
}

function stateOf(settings: ServerSettings, hooks: readonly Hook[], secret: Secret): State {
  return { hooks, logins: loginsOf(settings, secret), patienceMs: settings.limits.registryPatience * 1000 }
}

/** Opens them; nothing is followed yet. */
export function openHooks(options: HooksOptions): Hooks {
  const { serving, secret, version } = options
  let state = stateOf(serving.settings, options.hooks, secret)
  const registries = openRegistries({ logins: { get: (host) => state.logins.get(host) }, agent: `mgo/${version}` })
  const following = followingOf(options)
  let held: Promise<void> | undefined
  const pushes = pushesOf(options, { registries, state: () => state })
  return {
    webhooks: webhooksOf(options, { deliver: pushes.deliver, hooks: () => state.hooks, following: following.now }),
    reload: ({ settings }) => {
      const next = stateOf(settings, hooksOf(settings, secret), secret)
      return () => {
        state = next
        following.exchange(settings)
      }
    },
    told: (event) => following.now()?.told(event),
    begin: () => {
      following.begin()
      held = pushes.begin()
    },
    close: async () => {
      await Promise.all([following.close(), held])
      await registries.close()
    },
  }
}

type Following = {
  readonly now: () => Follower | undefined
  begin(): void
  /** Follows as these settings say. What the old follower brings to a cluster at the moment goes on. */
  exchange(settings: Pick<ServerSettings, 'follow'>): void
  close(): Promise<void>
}

function followingOf(options: HooksOptions): Following {
  let follow = options.serving.settings.follow
  let now = followerOf(follow, options)
  let stop: AbortController | undefined
  const runs = new Set<Promise<void>>()
  const begin = (): void => {
    stop = new AbortController()
    const run = (now?.run(stop.signal) ?? Promise.resolve()).finally(() => runs.delete(run))
    runs.add(run)
  }
  return {
    now: () => now,
    begin,
    exchange({ follow: next }) {
      if (JSON.stringify(next) === JSON.stringify(follow)) return
      follow = next
      now = followerOf(follow, options)
      if (stop === undefined) return
      stop.abort()
      begin()
    },
    async close() {
      stop?.abort()
      await Promise.all(runs)
    },
  }
}

/** A server that touches no cluster brings none to the branch. */
function followerOf(
  follow: ServerSettings['follow'],
  { serving, world, deployer, chance }: HooksOptions,
): Follower | undefined {
  if (follow === undefined || serving.dryRun || serving.commitOnly) return undefined
  const sync = deployer.sync.bind(deployer)
  return follower({ world, clusters: follow.clusters, everyMs: follow.every, chance, sync })
}

type Asking = { readonly registries: Pick<Registries, 'digest'>; readonly state: () => State }

/** Pushes become deploys, at once or when their registry is there again. */
function pushesOf(options: HooksOptions, { registries, state }: Asking): Pick<Deliverer, 'deliver'> & WaitingRoom {
  const { desk, memory, access, world, held, waits, clock, print, chance, secrets } = options
  const hide = secrets.hide
  const room = openWaitingRoom({
    memory: held,
    again: (push) => pushes.again(push),
    clock,
    waits,
    warn: print,
    chance,
    patienceMs: () => state().patienceMs,
  })
  const pushes = deliverer({
    accept: (asking, once) => desk.accept(asking, once),
    open: (cluster, source) => memory.openTags(cluster, source),
    stamp: (name, asked) => access.hook(name).stamp(asked),
    digest: (repository, tag) => registries.digest(repository, tag),
    current: (cluster, source) => currentTags(cluster, source, world),
    hold: (push) => room.hold(push),
    pinned: (push) => held.pinned(push),
    overtaken: async (push, policy) => overtaking(push, policy, await laterThan(push, { desk, held })),
    hook: (name) => state().hooks.find((one) => one.name === name),
  })
  // Who pushed is text from outside: a vendor could repeat what it was given.
  return { ...room, deliver: (told) => pushes.deliver({ ...told, by: told.by && hide(told.by) }) }
}

/** What was accepted for its cluster after a push was held. */
async function laterThan(
  { id, cluster, source }: HeldPush,
  { desk, held }: Pick<HooksOptions, 'desk' | 'held'>,
): Promise<readonly Later[]> {
  const later: Later[] = []
  for (let before: RequestId | undefined; ; ) {
    const page = await desk.list({ cluster, before, limit: 1_000 })
    for (const one of page)
      if (one.request.id > id && one.request.source === source)
        later.push({ ...one, heldAs: (await held.before(one.request.id))?.id })
    before = page.at(-1)?.request.id
    if (before === undefined || before <= id) return later
  }
}

type Heard = {
  readonly deliver: WebhookOptions['deliver']
  readonly hooks: WebhookOptions['hooks']
  readonly following: () => Follower | undefined
}

function webhooksOf(options: HooksOptions, { deliver, hooks, following }: Heard): WebhookOptions {
  const { access, world, fetchJson, clock, print, held } = options
  const moved = (branches: readonly string[]): string | undefined => {
    const follower = following()
    if (follower === undefined) return 'this server follows no branch'
    if (!branches.includes(world.repo.branch)) return `this server follows the branch ${world.repo.branch}`
    follower.look()
    return undefined
  }
  const verify = tokenVerifier({ fetchJson, clock, warn: print })
  return { hooks, bounds: access.bounds, verify, deliver, held, moved, now: () => clock.now() }
}

function loginsOf({ registries }: Pick<ServerSettings, 'registries'>, secret: Secret): Map<string, RegistryLogin> {
  return new Map(
    Object.entries(registries).map(([host, { username, passwordEnv, auth, plain }]) => {
      const password = passwordEnv === undefined ? undefined : () => secret(passwordEnv)
      return [host.toLowerCase(), { username, password, auth, plain }]
    }),
  )
}
