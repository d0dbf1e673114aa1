/**
 * Where spans go: the variables that OpenTelemetry defines for it (opentelemetry.io/docs/specs/otel/protocol/exporter). Pure.
 *
 * @module
 */
import { MgoError } from '../error.ts'

type Env = Readonly<Record<string, string | undefined>>

export type TraceSettings = {
  /** The whole address, with /v1/traces. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** What the resource is: `service.name` and others. */
  readonly resource: Readonly<Record<string, string>>
}

/** Reads the settings; `undefined` where no endpoint is set. Throws CONFIG_INVALID. */
export function traceSettings(env: Env): TraceSettings | undefined {
  const base = env['OTEL_EXPORTER_OTLP_ENDPOINT']
  const own = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']
  if (env['OTEL_SDK_DISABLED'] === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none') return undefined
  const text = own || (base ? `${base.replace(/\/+$/, '')}/v1/traces` : '')
  if (text === '') return undefined
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) throw invalid('OTEL_EXPORTER_OTLP_ENDPOINT')
  const protocol = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? env['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? 'http/json'
  if (protocol === 'grpc') throw invalid('OTEL_EXPORTER_OTLP_PROTOCOL')
  return {
    url: text,
    headers: pairs(env['OTEL_EXPORTER_OTLP_TRACES_HEADERS'] ?? env['OTEL_EXPORTER_OTLP_HEADERS']),
    resource: {
      ...pairs(env['OTEL_RESOURCE_ATTRIBUTES']),
      'service.name': env['OTEL_SERVICE_NAME'] || pairs(env['OTEL_RESOURCE_ATTRIBUTES'])['service.name'] || 'mgo',
    },
  }
}

/** `key=value,key=value`, values URL-encoded (W3C baggage). */
function pairs(text = ''): Readonly<Record<string, string>> {
  return Object.fromEntries(
    text.split(',').flatMap((one) => {
      const at = one.indexOf('=')
      return at < 1 ? [] : [[one.slice(0, at).trim(), decoded(one.slice(at + 1).trim())]]
    }),
  )
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function invalid(variable: string): MgoError {
  return new MgoError({
    code: 'CONFIG_INVALID',
    message: `${variable} names nothing that mgo can send spans to`,
    hint: 'mgo speaks OTLP over HTTP: http://collector:4318, which is the usual port for it (4317 is gRPC).',
  })
}
