/**
 * A verdict → what a chat shows. Pure. The words, colours and fields are those of the old tool.
 *
 * @module
 */
import { printImage } from '../release/image.ts'
import type { SlackSettings } from '../release/release.ts'
import type { DeployRequest } from '../release/request.ts'
import type { Verdict } from '../release/verdict.ts'

type Field = { readonly title: string; readonly value: string; readonly short?: boolean }

export type SlackMessage = {
  readonly channel: string
  readonly username: string
  readonly icon_emoji: string
  readonly attachments: readonly {
    readonly color: string
    readonly fallback: string
    readonly pretext: string
    readonly fields: readonly Field[]
    readonly ts: number
  }[]
}

/** The message of a finished deploy, or `undefined` where nobody wants one: what was superseded is told by its successor. */
export function slackMessage(
  { request, verdict }: { readonly request: DeployRequest; readonly verdict: Verdict },
  settings: SlackSettings,
  atMs: number,
): SlackMessage | undefined {
  if (verdict.verdict === 'superseded') return undefined
  const failed = failure(verdict)
  const pretext = `Application ${request.source} was ${failed === undefined ? '' : 'not '}deployed successfully`
  const fields: Field[] = [
    { title: 'Repository', value: request.source },
    { title: 'Image', value: printImage(request.image) },
    { title: 'Author', value: request.author.email || request.author.name },
    { title: 'Cluster', value: request.cluster },
    ...(failed === undefined ? [] : [{ title: 'Error', value: failed }]),
  ]
  return {
    channel: settings.channel,
    username: settings.username,
    icon_emoji: settings.icon,
    attachments: [
      {
        color: failed === undefined ? '#36a64f' : '#ff0000',
        fallback: escaped(pretext),
        pretext: escaped(pretext),
        fields: fields.map((field) => ({ ...field, value: escaped(field.value) })),
        ts: Math.floor(atMs / 1000),
      },
    ],
  }
}

function failure({ verdict, problem, releases }: Verdict): string | undefined {
  if (problem !== undefined) return `${problem.message} (${problem.code})`
  if (!['failed', 'timed-out', 'refused'].includes(verdict)) return undefined
  const bad = releases.filter((one) => one.verdict === verdict)
  return bad.map((one) => `${one.release}: ${one.reason}`).join('\n') || verdict
}

/** Slack's three control characters (docs.slack.dev, "Formatting message text"); nobody can mention @channel from a tag. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').slice(0, 3_000)
}
