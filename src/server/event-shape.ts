/**
 * What the data of a server-sent event is: one shape for each kind.
 *
 * @module
 */
import { z } from 'zod'
import type { Told } from '../event/event.ts'
import type { Image } from '../release/image.ts'
import type { DeployRequest, Person } from '../release/request.ts'
import { back, commit, named, object, releaseVerdict, requestId, verdict } from './shapes.ts'

type Of<K extends Told['kind']> = Extract<Told, { readonly kind: K }>

const at = z.int().describe('When it was told: milliseconds since the epoch.')
const cluster = z.string()
const unit = z.string().describe('The release: NAMESPACE/NAME, or the file of raw manifests.')
const releases = z.array(z.string())
const reason = z.string()

const image = object<Image>()('Image', {
  repository: z.string(),
  tag: z.string().optional(),
  digest: z.string().optional(),
})
const person = object<Person>()('Person', { name: z.string(), email: z.string() })
const request = object<DeployRequest>()('KeptRequest', {
  id: requestId,
  cluster,
  source: z.string(),
  image,
  author: person,
  verifiedBy: z.string().optional().describe('How who asks was verified.'),
  principal: z.string().optional().describe('Who was let in.'),
  rule: z.string().optional().describe('The rule that allowed it.'),
  claimedAuthor: z.string().optional(),
  releases: releases.optional().describe('Patterns outside of which nothing is touched.'),
  ...back,
  acceptedAt: z.int(),
})

const committed = { id: requestId, commit, releases, at }
const kind = <K extends Told['kind']>(name: K) => z.literal(name)

/** An event as its reader gets it. */
export const eventShape = named(
  'Event',
  z.union([
    object<Of<'accepted'>>()('AcceptedEvent', { kind: kind('accepted'), request, at }),
    object<Of<'committed'>>()('CommittedEvent', { kind: kind('committed'), files: z.array(z.string()), ...committed }),
    object<Of<'unchanged'>>()('UnchangedEvent', { kind: kind('unchanged'), ...committed }),
    object<Of<'pushed'>>()('PushedEvent', {
      kind: kind('pushed'),
      ids: z.array(requestId),
      commit,
      turns: z.int().describe('How often it was tried.'),
      at,
    }),
    object<Of<'planned'>>()('PlannedEvent', {
      kind: kind('planned'),
      cluster,
      apply: z.int(),
      keep: z.int(),
      prune: z.int(),
      at,
    }),
    object<Of<'applying'>>()('ApplyingEvent', { kind: kind('applying'), cluster, unit, reason, at }),
    object<Of<'applied'>>()('AppliedEvent', { kind: kind('applied'), cluster, unit, revision: z.int(), at }),
    object<Of<'waiting'>>()('WaitingEvent', { kind: kind('waiting'), cluster, unit, reason, at }),
    object<Of<'judged'>>()('JudgedEvent', { kind: kind('judged'), cluster, release: releaseVerdict, at }),
    object<Of<'note'>>()('NoteEvent', { kind: kind('note'), text: z.string(), at }),
    object<Of<'finished'>>()('FinishedEvent', {
      kind: kind('finished'),
      verdict,
      request: request.optional(),
      at: at.optional(),
    }),
  ]),
)
