/**
 * Which kinds an API server serves: one aggregated document for the core and one for the groups (Kubernetes 1.30 and
 * later), group by group on older ones. Asked once, and again when a kind is not found, for a CRD may be new.
 *
 * @module
 */
import type { Kube, Resource } from '../ports.ts'
import type { Http } from './http.ts'

type Discovered = { readonly resources: readonly Resource[]; readonly versions: readonly string[] }

export type Discovery = {
  readonly resource: Kube['resource']
  readonly apiVersions: Kube['apiVersions']
}

type GroupList = {
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string }
    readonly versions?: readonly {
      readonly version: string
      readonly resources?: readonly {
        readonly resource: string
        readonly responseKind: { readonly kind: string }
        readonly scope: 'Namespaced' | 'Cluster'
        readonly subresources?: readonly { readonly subresource: string }[]
      }[]
    }[]
  }[]
}
type OldResources = {
  readonly resources?: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[]
}
type OldGroups = { readonly groups?: readonly { readonly versions: readonly { readonly groupVersion: string }[] }[] }

const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json'
/** A kind that is still missing is not asked for again within this time. */
const missMs = 500

/** Opens the discovery of one API server. */
export function openDiscovery(http: Http): Discovery {
  let known: Promise<Discovered> | undefined
  let askedAt = 0
  const ask = () => {
    askedAt = performance.now()
    const next = discover(http)
    known = next
    next.catch(() => {
      if (known === next) known = undefined
    })
    return next
  }
  return {
    async resource(group, version, kind) {
      const fresh = known === undefined
      const find = ({ resources }: Discovered) =>
        resources.find((one) => one.kind === kind && one.group === group && one.version === version)
      const found = find(await (known ?? ask()))
      if (found !== undefined || fresh || performance.now() - askedAt < missMs) return found
      return find(await ask())
    },
    apiVersions: async () => (await (known ?? ask())).versions,
  }
}

async function discover(http: Http): Promise<Discovered> {
  const get = (path: string) =>
    http.json<GroupList>({ method: 'GET', path, accept: aggregated, what: 'discover kinds' })
  const [core, groups] = await Promise.all([get('/api'), get('/apis')])
  if (core.items === undefined || groups.items === undefined) return discoverOld(http, groups as OldGroups)
  const resources = [...core.items, ...groups.items].flatMap((group) =>
    (group.versions ?? []).flatMap(({ version, resources: served }) =>
      (served ?? []).map((one) => ({
        group: group.metadata?.name ?? '',
        version,
        kind: one.responseKind.kind,
        plural: one.resource,
        namespaced: one.scope === 'Namespaced',
        hasStatus: one.subresources?.some(({ subresource }) => subresource === 'status') ?? false,
      })),
    ),
  )
  return discovered(resources)
}

async function discoverOld(http: Http, groups: OldGroups): Promise<Discovered> {
  const versions = ['v1', ...(groups.groups ?? []).flatMap((group) => group.versions.map((one) => one.groupVersion))]
  const lists = await Promise.all(
    versions.map(async (version) => {
      const path = version.includes('/') ? `/apis/${version}` : `/api/${version}`
      const answer = await http.ask({ method: 'GET', path, what: 'discover kinds' })
      // One aggregated API that is down must not take the others with it.
      return answer.status < 300 ? oldResources(version, answer.body as OldResources) : []
    }),
  )
  return discovered(lists.flat())
}

function oldResources(groupVersion: string, list: OldResources): readonly Resource[] {
  const slash = groupVersion.indexOf('/')
  const group = slash < 0 ? '' : groupVersion.slice(0, slash)
  const names = new Set((list.resources ?? []).map((one) => one.name))
  return (list.resources ?? [])
    .filter((one) => !one.name.includes('/'))
    .map(({ name, kind, namespaced }) => ({
      group,
      version: groupVersion.slice(slash + 1),
      kind,
      plural: name,
      namespaced,
      hasStatus: names.has(`${name}/status`),
    }))
}

/** What charts see as `.Capabilities.APIVersions`: `apps/v1` and `apps/v1/Deployment`. */
function discovered(resources: readonly Resource[]): Discovered {
  const versions = new Set<string>()
  for (const { group, version, kind } of resources) {
    const name = group === '' ? version : `${group}/${version}`
    versions.add(name).add(`${name}/${kind}`)
  }
  return { resources, versions: [...versions].toSorted() }
}
