import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { type Cluster, requestId } from '../../src/release/ids.ts'
import type { SlackSettings } from '../../src/release/release.ts'
import type { DeployRequest } from '../../src/release/request.ts'
import type { Verdict } from '../../src/release/verdict.ts'
import { slackNotifier } from '../../src/notify/slack.ts'

const secret = 'T0/B0/very-secret'
const request: DeployRequest = {
  id: requestId(1, new Uint8Array(16)),
  cluster: 'prod' as Cluster,
  source: 'github.com/acme/shop',
  image: { repository: 'acme/shop', tag: 'v2', digest: undefined },
  author: { name: 'Ada <!channel>', email: 'ada@example.com' },
  acceptedAt: 0,
}
const verdict = (more: Partial<Verdict> = {}): Verdict => ({
  id: request.id,
  cluster: request.cluster,
  verdict: 'healthy',
  releases: [],
  timing: { acceptedMs: 0 },
  ...more,
})

/** What Slack was sent, and what mgo said about it, when Slack behaves like this. */
async function told(
  behaves: RequestListener,
  what: Verdict = verdict(),
): Promise<{ readonly bodies: readonly string[]; readonly warnings: readonly string[] }> {
  const bodies: string[] = []
  const server = createServer((incoming, answer) => {
    let body = ''
    incoming.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    incoming.on('end', () => {
      bodies.push(body)
      behaves(incoming, answer)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const webhookurl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/${secret}`
  const settings: SlackSettings = { webhookurl, channel: '#deploys', username: 'Juno', icon: ':rocket:' }
  const warnings: string[] = []
  const slack = slackNotifier({ settings: async () => settings, warn: (text) => warnings.push(text) })
  slack.told({ kind: 'finished', verdict: what, request, at: 1_700_000_000_000 })
  await slack.idle()
  server.closeAllConnections()
  server.close()
  return { bodies, warnings }
}

const ok: RequestListener = (_, answer) => answer.end('ok')

test('a deploy that is done, as the old tool told it', async () => {
  const { bodies, warnings } = await told(ok)
  assert.deepEqual(warnings, [])
  assert.deepEqual(JSON.parse(bodies[0] ?? ''), {
    channel: '#deploys',
    username: 'Juno',
    icon_emoji: ':rocket:',
    attachments: [
      {
        color: '#36a64f',
        fallback: 'Application github.com/acme/shop was deployed successfully',
        pretext: 'Application github.com/acme/shop was deployed successfully',
        fields: [
          { title: 'Repository', value: 'github.com/acme/shop' },
          { title: 'Image', value: 'acme/shop:v2' },
          { title: 'Author', value: 'ada@example.com' },
          { title: 'Cluster', value: 'prod' },
        ],
        ts: 1_700_000_000,
      },
    ],
  })
})

test('a deploy that failed, with its reason, in which nobody can be mentioned', async () => {
  const reason = '0 of 3 new pods are ready <!channel>'
  const releases = [{ release: 'app/shop', verdict: 'failed' as const, reason }]
  const { bodies } = await told(ok, verdict({ verdict: 'failed', releases }))
  const [attachment] = (JSON.parse(bodies[0] ?? '') as { attachments: { color: string; fields: object[] }[] })
    .attachments
  assert.equal(attachment?.color, '#ff0000')
  assert.deepEqual(attachment?.fields.at(-1), {
    title: 'Error',
    value: 'app/shop: 0 of 3 new pods are ready &lt;!channel&gt;',
  })
})

test('what was superseded is told by its successor', async () => {
  assert.deepEqual((await told(ok, verdict({ verdict: 'superseded' }))).bodies, [])
})

const faults: [why: string, behaves: RequestListener, tries: number, says: RegExp][] = [
  ['500', (_, answer) => answer.writeHead(500).end(), 3, /answered 500/],
  ['404', (_, answer) => answer.writeHead(404).end('no_service'), 1, /answered 404/],
  ['a redirect', (_, answer) => answer.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(), 1, /answered 302/],
  ['a connection cut', (incoming) => incoming.socket.destroy(), 3, /not sent/],
  ['an answer of 30 MB', (_, answer) => answer.writeHead(500).end(Buffer.alloc(30_000_000)), 3, /not sent/],
]
for (const [why, behaves, tries, says] of faults)
  test(`Slack fails with ${why}: a warning without the address, and nothing else`, async () => {
    const { bodies, warnings } = await told(behaves)
    assert.equal(bodies.length, tries)
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', says)
    assert.doesNotMatch(warnings.join(), /very-secret|127\.0\.0\.1/)
  })

test('an address that is none is a warning too, and does not show it', async () => {
  const warnings: string[] = []
  const settings = { webhookurl: `not an address ${secret}`, channel: '', username: 'Juno', icon: '' }
  const slack = slackNotifier({ settings: async () => settings, warn: (text) => warnings.push(text) })
  slack.told({ kind: 'finished', verdict: verdict(), request, at: 0 })
  await slack.idle()
  assert.equal(warnings.length, 1)
  assert.doesNotMatch(warnings.join(), /very-secret/)
})
