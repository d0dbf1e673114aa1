/**
 * A delivery as its vendor means it. One that carries several events (a CloudEvents batch; what Azure Event Grid sends is
 * always a list) is heard event by event, each known by its own id: the next try may put other events beside it.
 *
 * @module
 */
import { type Artifact, type Delivery, type Heard, ignored, type Vendor } from './hook.ts'

/** Reads a delivery. Never throws, whatever the body is. */
export function hear(vendor: Vendor, delivery: Delivery): Heard {
  const { headers, body } = delivery
  const isBatch = /^application\/cloudevents-batch\+json\b/i.test(headers['content-type'] ?? '')
  if (!Array.isArray(body) || !(isBatch || vendor.lists === true)) return vendor.read(delivery)
  // What a header says of one event is true of none of many.
  return together(
    (body as readonly unknown[]).map((one) => named(vendor.read({ headers: {}, body: one }), one, vendor)),
  )
}

/** Written as the id of a delivery that has this event alone, so that both are the same. */
function named(heard: Heard, event: unknown, { name, delivery }: Vendor): Heard {
  const own = delivery?.(event)
  if (heard.kind !== 'pushed' || own === undefined) return heard
  return { ...heard, artifacts: heard.artifacts.map((one): Artifact => ({ event: `${name}:${own}`, ...one })) }
}

/** One that cannot be read takes nothing from those beside it. */
function together(all: readonly Heard[]): Heard {
  const pushes = all.flatMap((one) => (one.kind === 'pushed' ? [one] : []))
  const [first] = pushes
  if (first !== undefined)
    return { ...first, artifacts: pushes.flatMap((one) => one.artifacts), by: pushes.find(({ by }) => by)?.by }
  return all.find(({ kind }) => kind === 'greeted') ?? worst(all)
}

function worst(all: readonly Heard[]): Heard {
  return all.find(({ kind }) => kind === 'unreadable') ?? all[0] ?? ignored('the list of events is empty')
}
