/**
 * Somebody else's hand: what another person or program does to the objects while a deploy runs.
 *
 * @module
 */
import { type Api, follow, merge, pathOf, strategic, wait } from './api.ts'
import type { Hand } from './script.ts'

export type Watching = { readonly api: Api; readonly namespace: string; readonly signal: AbortSignal }

/** Waits for its moment, acts once. */
export async function lendHand(hand: Hand, { api, namespace, signal }: Watching): Promise<void> {
  const resource = await api.kind(hand.on.kind)
  const stop = new AbortController()
  signal.addEventListener('abort', () => stop.abort(), { once: true })
  let seen = false
  await follow(api.kube, { selection: { resource, namespace }, signal: stop.signal }, (kind, object) => {
    if (kind === 'gone' || (hand.on.name ?? object.metadata.name) !== object.metadata.name) return
    if (!JSON.stringify(object).includes(hand.on.text)) return
    seen = true
    stop.abort()
  })
  if (!seen) return
  await wait(hand.after ?? 0, signal)
  if (hand.patch !== undefined) await patch(api, namespace, hand.patch)
  if (hand.delete !== undefined) {
    const { kind, name } = hand.delete
    await api.ask({ method: 'DELETE', path: pathOf(await api.kind(kind), namespace, name) })
  }
}

async function patch(api: Api, namespace: string, { kind, name, body }: NonNullable<Hand['patch']>): Promise<void> {
  const resource = await api.kind(kind)
  const path = pathOf(resource, namespace, name)
  // Custom resources know no strategic merge.
  const isBuiltIn = !resource.group.includes('.') || resource.group.endsWith('.k8s.io')
  const contentType = isBuiltIn ? strategic : merge
  const { status, ...rest } = body
  const send = (to: string, content: object) => api.ask({ method: 'PATCH', path: to, contentType, body: content })
  if (Object.keys(rest).length > 0) await send(path, rest)
  if (status !== undefined) await send(`${path}/status`, { status })
}
