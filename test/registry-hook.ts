/**
 * A registry that tells a server of pushed versions through a hook, beside a trial's own callers.
 *
 * @module
 */
import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'

/** What the server has in its environment, and nobody else may see. */
const hookSecrets = {
  MGO_HOOK_ID: 'an-address-that-nobody-guesses',
  MGO_HOOK_SECRET: 'the-secret-of-the-registry-0123',
}

const image = (app: number) => `localhost:5000/acme/app${app}`

/** Writes settings that take versions from 1 on for these apps; gives what a trial is started with. */
export function hookOptions(file: string, apps: readonly number[]) {
  const images = apps.map(
    (app) =>
      `      - { repository: ${image(app)}, source: github.com/acme/app${app}, clusters: [prod], tags: { semver: ">=1" } }\n`,
  )
  writeFileSync(
    file,
    `hooks:
  registry:
    vendor: generic
    idEnv: MGO_HOOK_ID
    secretEnv: MGO_HOOK_SECRET
    images:
${images.join('')}policy: [{ name: hooks, who: { hook: registry }, may: [deploy], clusters: "**", sources: "**", images: "**" }]
limits: { deliveriesPerMinute: 100000 }
`,
  )
  return { args: ['--git-timeout', '3s', '--config', file], env: hookSecrets, secrets: Object.values(hookSecrets) }
}

/** Sends the delivery of one pushed version. Throws where there is no answer in that time. */
export async function tellPush(
  url: string,
  { app, version, waitMs = 30_000 }: { readonly app: number; readonly version: string; readonly waitMs?: number },
): Promise<{ readonly status: number; readonly text: string; readonly ids: readonly string[] }> {
  const body = JSON.stringify({ id: `push-${app}-${version}`, image: `${image(app)}:${version}` })
  const signature = `sha256=${createHmac('sha256', hookSecrets.MGO_HOOK_SECRET).update(body).digest('hex')}`
  const answer = await fetch(`${url}/webhooks/generic/${hookSecrets.MGO_HOOK_ID}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-signature-256': signature },
    body,
    signal: AbortSignal.timeout(waitMs),
  })
  const text = await answer.text()
  const { deploys = [] } = JSON.parse(text) as { readonly deploys?: readonly { readonly id: string }[] }
  return { status: answer.status, text, ids: deploys.map(({ id }) => id) }
}
