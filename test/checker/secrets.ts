/**
 * Searches everything that a run has said or kept for what nobody may see.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

export type Searched = {
  readonly bare: string
  readonly url: string
  readonly secrets: readonly string[]
  /** Folders and files that must hold no secret. */
  readonly searched: readonly string[]
  readonly log: string
  /** What callers were answered, headers included. */
  readonly told: readonly string[]
}

/** A secret as it is, in an address, and in the three places that it may have in base64. */
function shapes(secret: string): readonly string[] {
  // What stands before and after shares a letter with it at each end: that letter is not looked for.
  const packed = ['', 'x', 'xx'].map((before) =>
    Buffer.from(before + secret)
      .toString('base64')
      .replace(/=+$/, '')
      .slice(before === '' ? 0 : before.length + 1, -1),
  )
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    ...packed.filter((one) => one.length > 5),
  ]
}

/** What an open stream says until it has been silent for a while; it goes on for ever. */
async function listened(response: Response): Promise<string> {
  const reader = response.body?.getReader()
  if (reader === undefined) return ''
  let text = ''
  const endMs = performance.now() + 20_000
  const quiet = () => new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 1_000))
  while (performance.now() < endMs) {
    const chunk = await Promise.race([reader.read(), quiet()])
    if (chunk?.value === undefined) break
    text += Buffer.from(chunk.value).toString('latin1')
  }
  await reader.cancel().catch(() => undefined)
  return text
}

/** What the server answers to whoever looks around, headers included. */
async function doors(url: string): Promise<readonly (readonly [name: string, text: string | undefined])[]> {
  const paths = ['/metrics', '/v1/events', '/v1/deploys?limit=1000', '/v1/deliveries', '/openapi.json']
  const asked = async (path: string) => {
    // Every event that is kept.
    const response = await fetch(`${url}${path}`, { headers: { 'last-event-id': '0' } }).catch(() => undefined)
    if (response === undefined) return [path, undefined] as const
    const head = JSON.stringify([...response.headers])
    const text = path === '/v1/events' ? await listened(response) : await response.text()
    return [path, response.status === 200 ? head + text : undefined] as const
  }
  return Promise.all(paths.map(asked))
}

function files(places: readonly string[]): readonly string[] {
  const all = places.flatMap((place) =>
    statSync(place).isDirectory() ? globSync('**/*', { cwd: place }).map((name) => join(place, name)) : [place],
  )
  return all.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
}

/** I5: no secret in what was said or kept. `answers`: what the server says of each request now. */
export async function secrets(run: Searched, answers: readonly unknown[]): Promise<readonly string[]> {
  const all = run.secrets.flatMap(shapes)
  const has = (text: string) => all.some((one) => text.includes(one))
  const commits = execFileSync('git', ['--git-dir', run.bare, 'log', '--all', '--format=raw'], {
    encoding: 'latin1',
    maxBuffer: 512 * 1024 * 1024,
  })
  const said = await doors(run.url)
  const places: readonly (readonly [name: string, text: string])[] = [
    ['the log', run.log],
    ['a commit', commits],
    ['what callers were told', run.told.join('\n')],
    ['an answer', JSON.stringify(answers)],
    ...said.map(([name, text]) => [name, text ?? ''] as const),
    ...files(run.searched).map((path) => [path, readFileSync(path).toString('latin1')] as const),
  ]
  return [
    ...said.filter(([, text]) => text === undefined).map(([name]) => `I5 ${name} could not be searched`),
    ...places.filter(([, text]) => has(text)).map(([name]) => `I5 ${name} holds a secret`),
  ]
}
