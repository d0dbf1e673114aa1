/**
 * The shape of mgo.server.yaml. The JSON Schema for editors is made from it, so each field says what it is for.
 *
 * @module
 */
import { z } from 'zod'
import { identitiesShape, policyShape } from './access-shape.ts'
import { followSchema, hooksSchema, registriesSchema } from './hook-settings.ts'
import { path, text } from './words.ts'

const gitopsShape = z
  .strictObject({
    repo: text.optional().describe('The gitops repo: a URL, a bare repo or a clone. Its password is MGO_GIT_PASSWORD.'),
    branch: text.optional().describe('Its branch; default: the one that the remote calls its own.'),
    username: text.optional().describe('The user name that goes with MGO_GIT_PASSWORD; default: mgo.'),
    sshKey: path.optional().describe('A private key for a repo over ssh.'),
    knownHosts: path.optional().describe('The host keys of that server: needed with sshKey.'),
  })
  .refine(({ sshKey, knownHosts }) => (sshKey === undefined) === (knownHosts === undefined), {
    error: 'sshKey and knownHosts go together: an ssh server that nobody knows is anybody',
  })

const tlsShape = z.strictObject({
  cert: path.describe('The certificate and its chain, PEM. Read again when the file changes.'),
  key: path.describe('Its private key, PEM.'),
})

const limitsShape = z.strictObject({
  requestsPerMinute: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(6_000)
    .describe('Requests of one token or job subject; more get 429.'),
  deliveriesPerMinute: z.int().min(1).max(1_000_000).default(1_200).describe('Deliveries to one hook; more get 429.'),
  failuresPerMinute: z
    .int()
    .min(1)
    .max(10_000)
    .default(60)
    .describe('Wrong identities and proofs from one address before 429.'),
  underWay: z
    .int()
    .min(1)
    .max(100_000)
    .default(5_000)
    .describe('Deploys under way at once; more are told to come again.'),
  patience: z
    .int()
    .min(1)
    .max(86_400)
    .default(900)
    .describe('How long a deploy waits for a git server that is away; seconds.'),
  registryPatience: z
    .int()
    .min(1)
    .max(604_800)
    .default(3_600)
    .describe('How long a push waits for a registry that cannot say its digest; seconds.'),
  gitTimeout: z.int().min(1).max(3_600).default(60).describe('How long one fetch or push may take; seconds.'),
})

const slackShape = z.strictObject({
  webhookurl: text
    .optional()
    .describe('Slack’s incoming webhook; better in MGO_SLACK_WEBHOOK. Wins over mygitops.yaml.'),
  channel: text.optional(),
  username: text.optional(),
  icon: text.optional(),
})

/** All of mgo.server.yaml. */
export const serverShape = z.strictObject({
  listen: text.optional().describe('HOST:PORT; default 127.0.0.1:8080. Off loopback identities are needed.'),
  url: z
    .url({ protocol: /^https?$/, error: 'it is no http(s) address' })
    .optional()
    .describe('The address that callers use. The audience of identity tokens where an issuer names none.'),
  tls: tlsShape.optional().describe('Serve https with these files; without them, put a proxy in front.'),
  proxy: z
    .strictObject({
      trusted: z
        .array(z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], { error: 'it is no address or CIDR' }))
        .min(1),
    })
    .optional()
    .describe('Proxies whose X-Forwarded-* headers count.'),
  gitops: gitopsShape.optional().describe('The gitops repo.'),
  kubeconfig: path.optional().describe('Default: KUBECONFIG, else ~/.kube/config, else the pod’s own account.'),
  helm: path.optional().describe('helm 3 or 4; default: MGO_HELM, else helm on PATH.'),
  journal: path.optional().describe('Where accepted requests are kept; default: in the state folder.'),
  identities: identitiesShape.optional().describe('How callers prove who they are.'),
  policy: policyShape.optional().describe('Who may do what; what no rule allows is denied.'),
  commitOnly: z
    .boolean()
    .default(false)
    .describe('Commit and push; touch no cluster: Argo CD, Flux or a person applies.'),
  hooks: hooksSchema.describe('Addresses that registries and git hosts call: docs/webhooks.md.'),
  registries: registriesSchema.describe('Logins of registries, by host, for hooks with resolve.'),
  follow: followSchema.describe('Clusters that are brought to the branch when somebody else moves it.'),
  limits: limitsShape.prefault({}).describe('Bounds against floods.'),
  retention: z
    .int()
    .min(1)
    .max(36_500)
    .default(90)
    .describe('Days after which requests that ended, and events, are forgotten; the audit trail is not.'),
  log: z
    .strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).optional() })
    .prefault({})
    .describe('What the log says at least; default: info.'),
  traces: z
    .strictObject({
      endpoint: z
        .url({ protocol: /^https?$/, error: 'it is no http(s) address' })
        .optional()
        .describe('A collector that speaks OTLP over HTTP; default: OTEL_EXPORTER_OTLP_ENDPOINT.'),
    })
    .prefault({})
    .describe('Where the spans of deploys go.'),
  slack: slackShape.optional().describe('Where notices go; wins over mygitops.yaml, key by key.'),
})

export type ServerShape = z.output<typeof serverShape>

/** The JSON Schema of mgo.server.yaml, for editors. */
export function serverSchema(): unknown {
  const schema = z.toJSONSchema(serverShape, { io: 'input', target: 'draft-7' })
  return { ...schema, title: 'mgo.server.yaml' }
}
