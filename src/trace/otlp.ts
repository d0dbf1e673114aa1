/**
 * The course of a deploy → spans as OTLP has them in JSON (opentelemetry.io/docs/specs/otlp, opentelemetry-proto v1). Pure.
 *
 * @module
 */
import type { Course } from '../event/timeline.ts'
import { printImage } from '../release/image.ts'
import { showAuthor } from '../request/author.ts'
import type { TraceSettings } from './settings.ts'

type Attribute = { readonly key: string; readonly value: { readonly stringValue: string } }

export type Span = {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  /** 1: internal, 2: server. */
  readonly kind: 1 | 2
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly Attribute[]
  /** 0: unset, 2: error. */
  readonly status: { readonly code: 0 | 2; readonly message?: string }
}

const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** The trace of a request is its own id, a ULID, as 32 hex digits: who has the id finds the trace. */
export function traceIdOf(id: string): string {
  const value = Array.from(id).reduce((sum, letter) => sum * 32n + BigInt(letters.indexOf(letter)), 0n)
  return value.toString(16).padStart(32, '0').slice(-32)
}

/** The spans of one deploy: the whole, and its parts below it. */
export function spansOf({ request, verdict, to, spans }: Course): readonly Span[] {
  const traceId = traceIdOf(request.id)
  const whole = spanId(traceId, 0)
  const isBad = ['failed', 'timed-out', 'refused'].includes(verdict.verdict)
  const code = verdict.problem?.code ?? verdict.releases.find((one) => one.code !== undefined)?.code
  const root: Span = {
    traceId,
    spanId: whole,
    name: 'deploy',
    kind: 2,
    ...times(request.acceptedAt, to),
    attributes: attributes({
      'mgo.request': request.id,
      'mgo.cluster': verdict.cluster,
      'mgo.source': request.source,
      'mgo.image': printImage(request.image),
      'mgo.author': showAuthor(request.author),
      'mgo.principal': request.principal,
      'mgo.commit': verdict.commit,
      'mgo.verdict': verdict.verdict,
      'mgo.code': code,
    }),
    status: isBad ? { code: 2, message: code ?? verdict.verdict } : { code: 0 },
  }
  const parts = spans.map((one, i): Span => {
    return {
      traceId,
      spanId: spanId(traceId, i + 1),
      parentSpanId: whole,
      name: one.stage,
      kind: 1,
      ...times(one.from, one.to),
      attributes: attributes({ 'mgo.cluster': verdict.cluster, 'mgo.release': one.unit }),
      status: { code: 0 },
    }
  })
  return [root, ...parts]
}

/** The body of a request to a collector. */
export function exportBody(spans: readonly Span[], { resource }: TraceSettings, version: string) {
  const scope = { name: 'mgo', version }
  const about = attributes({ ...resource, 'service.version': version })
  return { resourceSpans: [{ resource: { attributes: about }, scopeSpans: [{ scope, spans }] }] }
}

/** Eight bytes that differ within a trace and are never zero: the end of the trace’s id, which is random, and a number. */
function spanId(traceId: string, number: number): string {
  return `${traceId.slice(-12)}${(number + 1).toString(16).padStart(4, '0').slice(-4)}`
}

function times(from: number, to: number): Pick<Span, 'startTimeUnixNano' | 'endTimeUnixNano'> {
  return { startTimeUnixNano: nanos(from), endTimeUnixNano: nanos(Math.max(from, to)) }
}

function nanos(ms: number): string {
  return (BigInt(Math.round(ms * 1000)) * 1000n).toString()
}

function attributes(values: Readonly<Record<string, string | undefined>>): readonly Attribute[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: { stringValue: value } }],
  )
}
