/**
 * What helm is asked, as argument lists. Pure. No value of the repo can be an option: names obey their grammars, files
 * are paths of our own.
 *
 * @module
 */
import type { ChartLogin } from '../ports.ts'
import type { Release } from '../release/release.ts'

export type Files = { readonly chart: string; readonly values: readonly string[] }

export type Upgrade = {
  readonly release: Release
  readonly files: Files
  /** `<input hash>.<revision>`: counts for that revision only, because helm copies labels to every later one. */
  readonly labels: Readonly<Record<string, string>>
}

/** `helm upgrade --install`, without waiting: the verdict is mgo's own. Hooks are helm's and are waited for by it. */
export function upgradeArgs({ release, files, labels }: Upgrade): readonly string[] {
  return [
    'upgrade',
    release.name,
    files.chart,
    '--install',
    '--namespace',
    release.namespace,
    '--create-namespace',
    ...valuesArgs(files),
    '--labels',
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    '--history-max',
    '10',
    '--timeout',
    `${Math.ceil(release.timeoutMs / 1000)}s`,
    '--output',
    'json',
  ]
}

export type Template = {
  readonly release: Release
  readonly files: Files
  readonly kubeVersion: string | undefined
  readonly apiVersions: readonly string[]
}

/** `helm template`: what an install would send, hooks and definitions included. */
export function templateArgs({ release, files, kubeVersion, apiVersions }: Template): readonly string[] {
  return [
    'template',
    release.name,
    files.chart,
    '--namespace',
    release.namespace,
    '--include-crds',
    ...valuesArgs(files),
    ...(kubeVersion === undefined ? [] : ['--kube-version', kubeVersion]),
    ...(apiVersions.length === 0 ? [] : ['--api-versions', apiVersions.join(',')]),
  ]
}

function valuesArgs({ values }: Files): readonly string[] {
  return values.flatMap((file) => ['--values', file])
}

export type Pull = {
  /** A name in the repository at `repositoryUrl`, a name that `helm repo add` knows, or a whole oci:// address. */
  readonly chart: string
  readonly repositoryUrl: string | undefined
  readonly version: string | undefined
  readonly into: string
  readonly plainHttp: boolean
}

/** `helm pull`: one archive into a folder. */
export function pullArgs({ chart, repositoryUrl, version, into, plainHttp }: Pull): readonly string[] {
  return [
    'pull',
    chart,
    ...(repositoryUrl === undefined ? [] : ['--repo', repositoryUrl]),
    ...(version === undefined ? [] : ['--version', version]),
    ...(plainHttp ? ['--plain-http'] : []),
    '--destination',
    into,
  ]
}

/** `helm repo add`, with the password on its standard input. Hosts that a repository only names are not given it. */
export function repoAddArgs({ url, username, caFile, certFile, keyFile, insecure }: ChartLogin): readonly string[] {
  return [
    'repo',
    'add',
    'mgo',
    url,
    '--username',
    username,
    '--password-stdin',
    ...(caFile === undefined ? [] : ['--ca-file', caFile]),
    ...(certFile === undefined ? [] : ['--cert-file', certFile]),
    ...(keyFile === undefined ? [] : ['--key-file', keyFile]),
    ...(insecure ? ['--insecure-skip-tls-verify'] : []),
  ]
}
