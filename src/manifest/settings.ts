/**
 * mygitops.yaml → Settings, every problem at once.
 *
 * @module
 */
import { type Node, type YAMLMap, isMap, isScalar, isSeq } from 'yaml'
import type { Problem } from '../error.ts'
import type { ClusterSettings, HelmRepository, Settings, SlackSettings } from '../release/release.ts'
import { type Fields, fieldsOf, textOf, wrong } from './fields.ts'
import { isLinkAddress } from './inner-address.ts'
import { parseDocuments, startOf, topMap } from './document.ts'
import { type Source, placeOf, readSource } from './source.ts'

export type ParsedSettings =
  | { readonly kind: 'ok'; readonly settings: Settings }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

/** What a repo without mygitops.yaml has. */
export const defaultSettings: Settings = { repositories: [], slack: undefined, clusters: new Map() }

/** Reads the bytes of mygitops.yaml; `undefined` where the repo has none. */
export function parseSettings(bytes: Uint8Array | undefined): ParsedSettings {
  if (bytes === undefined) return { kind: 'ok', settings: defaultSettings }
  const read = readSource('mygitops.yaml', bytes)
  if (read.kind === 'refused') return { kind: 'refused', problems: [read.problem] }
  const parsed = parseDocuments(read.source)
  if (parsed.kind === 'refused') return parsed
  const [doc, second] = parsed.documents
  if (doc === undefined || doc.contents === null) return { kind: 'ok', settings: defaultSettings }
  const map = topMap(doc)
  if (map === undefined || second !== undefined) {
    return {
      kind: 'refused',
      problems: [
        wrong(
          placeOf(read.source, startOf(doc.contents)),
          'mygitops.yaml must be one map',
          'Its keys are helm, notification and clusters.',
        ),
      ],
    }
  }
  const problems: Problem[] = []
  const top = fieldsOf(map, {
    source: read.source,
    problems,
    known: ['helm', 'notification', 'clusters'],
    what: 'mygitops.yaml',
  })
  const settings: Settings = {
    repositories: repositories(top, read.source, problems),
    slack: slack(top, read.source, problems),
    clusters: clusters(top, read.source, problems),
  }
  return problems.length > 0 ? { kind: 'refused', problems } : { kind: 'ok', settings }
}

function sub(fields: Fields, key: string, known: readonly string[] | 'any'): Fields | undefined {
  const node = fields.get(key)
  if (node === undefined || (isScalar(node) && node.value === null)) return undefined
  if (isMap(node))
    return fieldsOf(node as YAMLMap, { source: fields.source, problems: fields.problems, known, what: key })
  fields.problems.push(
    wrong(placeOf(fields.source, startOf(node)), `${key} must be a map`, 'Write its keys indented below it.'),
  )
  return undefined
}

function repositories(top: Fields, source: Source, problems: Problem[]): readonly HelmRepository[] {
  const node = sub(top, 'helm', ['repositories'])?.get('repositories')
  if (node === undefined || (isScalar(node) && node.value === null)) return []
  if (!isSeq(node)) {
    problems.push(
      wrong(
        placeOf(source, startOf(node)),
        'helm.repositories must be a list',
        'Write one line "- { name: …, url: … }" for each repository.',
      ),
    )
    return []
  }
  const seen = new Set<string>()
  return node.items.flatMap((item) => {
    const repository = repositoryOf(item as Node, source, problems)
    if (repository === undefined) return []
    if (seen.has(repository.name)) {
      problems.push(
        wrong(
          placeOf(source, startOf(item)),
          `the helm repository ${repository.name} is there twice`,
          'Give each repository a name of its own.',
        ),
      )
    }
    seen.add(repository.name)
    return [repository]
  })
}

function repositoryOf(item: Node, source: Source, problems: Problem[]): HelmRepository | undefined {
  if (!isMap(item)) {
    problems.push(
      wrong(
        placeOf(source, startOf(item)),
        'a helm repository must be a map with name and url',
        'Write "- { name: stable, url: https://… }".',
      ),
    )
    return undefined
  }
  const fields = fieldsOf(item as YAMLMap, { source, problems, known: ['name', 'url'], what: 'helm.repositories' })
  const name = textOf(fields, 'name', 'needed')
  const url = textOf(fields, 'url', 'needed')
  if (name === undefined || url === undefined) return undefined
  const problem = urlProblem(url)
  if (problem !== undefined) problems.push(wrong(placeOf(source, startOf(fields.get('url'))), problem[0], problem[1]))
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
    problems.push(
      wrong(
        placeOf(source, startOf(fields.get('name'))),
        `"${name}" is no name for a helm repository`,
        'Use letters, digits, dots, dashes and underscores.',
      ),
    )
  }
  return { name, url, at: placeOf(source, startOf(item)) }
}

function urlProblem(url: string): readonly [string, string] | undefined {
  if (url.startsWith('s3://'))
    return [
      'helm repositories of the kind s3:// are not supported yet',
      'Serve the charts over https:// or oci://, or keep them in this repo and give their path.',
    ]
  if (isLinkAddress(url))
    return ['no charts are at this address, but the credentials of the machine', 'Name their own server.']
  if (/^(https?|oci):\/\/[^\s]+$/.test(url)) return undefined
  if (url.includes('://'))
    return ['this kind of helm repository is not supported', 'Use http(s)://, oci:// or a path inside this repo.']
  if (isInside(url)) return undefined
  return ['the path leaves the repo', 'Give a path inside this repo, such as charts or ./charts.']
}

/** Whether a path stays inside the repo. */
export function isInside(path: string): boolean {
  const parts = path.replace(/^\.\//, '').replace(/\/$/, '').split('/')
  return (
    path !== '' &&
    !path.startsWith('/') &&
    !path.includes('\\') &&
    parts.every((part) => part !== '' && part !== '..' && part !== '.' && part.toLowerCase() !== '.git')
  )
}

function slack(top: Fields, source: Source, problems: Problem[]): SlackSettings | undefined {
  const fields = sub(top, 'notification', ['slack'])
  const inner = fields === undefined ? undefined : sub(fields, 'slack', ['webhookurl', 'channel', 'username', 'icon'])
  if (inner === undefined) return undefined
  const webhookurl = textOf(inner, 'webhookurl')
  if (webhookurl !== undefined && (isLinkAddress(webhookurl) || !/^https?:\/\/[^\s]+$/.test(webhookurl))) {
    problems.push(
      wrong(
        placeOf(source, startOf(inner.get('webhookurl'))),
        'webhookurl is not a URL',
        'Copy the incoming webhook of your Slack app, https://….',
      ),
    )
  }
  return {
    webhookurl,
    channel: textOf(inner, 'channel') ?? '',
    username: textOf(inner, 'username') ?? 'Juno',
    icon: textOf(inner, 'icon') ?? ':rocket:',
  }
}

function clusters(top: Fields, source: Source, problems: Problem[]): ReadonlyMap<string, ClusterSettings> {
  const fields = sub(top, 'clusters', 'any')
  const found = new Map<string, ClusterSettings>()
  for (const name of fields?.keys() ?? []) {
    const one = fields === undefined ? undefined : sub(fields, name, ['context', 'engine', 'freeze', 'kubeVersion'])
    found.set(name, one === undefined ? clusterDefaults(name) : clusterOf(name, one, { source, problems }))
  }
  return found
}

/** What a cluster has that mygitops.yaml does not name. */
export function clusterDefaults(name: string): ClusterSettings {
  return { context: name, engine: 'helm', freeze: false }
}

function clusterOf(
  name: string,
  fields: Fields,
  { source, problems }: { source: Source; problems: Problem[] },
): ClusterSettings {
  const engine = textOf(fields, 'engine') ?? 'helm'
  if (engine !== 'helm' && engine !== 'render') {
    problems.push(
      wrong(placeOf(source, startOf(fields.get('engine'))), `"${engine}" is no engine`, 'Engines are helm and render.'),
    )
  }
  const kubeVersion = textOf(fields, 'kubeVersion')
  if (kubeVersion !== undefined && !/^v?1\.\d{1,3}(?:\.\d{1,4})?$/.test(kubeVersion)) {
    const at = placeOf(source, startOf(fields.get('kubeVersion')))
    problems.push(wrong(at, `"${kubeVersion}" is no version of Kubernetes`, 'Write it in quotes, such as "1.33".'))
  }
  const freeze = fields.get('freeze')
  if (freeze !== undefined && !(isScalar(freeze) && typeof freeze.value === 'boolean')) {
    problems.push(
      wrong(
        placeOf(source, startOf(freeze)),
        'freeze must be true or false',
        'Write freeze: true, or take the line out.',
      ),
    )
  }
  return {
    context: textOf(fields, 'context') ?? name,
    engine: engine === 'render' ? 'render' : 'helm',
    freeze: isScalar(freeze) && freeze.value === true,
    ...(kubeVersion === undefined ? {} : { kubeVersion }),
  }
}
