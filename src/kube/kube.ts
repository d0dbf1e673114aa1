/**
 * One cluster, through a thin client of our own: plain JSON, no generated models, so that no field is ever lost
 * (docs/decisions/0006). It has no opinions; it says what was asked and gives back what was answered.
 *
 * @module
 */
import { MgoError } from '../error.ts'
import type { ApplyOptions, Kube, Login, Resource, Selection } from '../ports.ts'
import { apiVersion, type K8sObject, type ObjectId, objectId, showObject } from '../release/object.ts'
import { openDiscovery } from './discovery.ts'
import { isRecord, strange } from './body.ts'
import { type Status, statusError } from './error.ts'
import { type Ask, type Http, type HttpOptions, openHttp } from './http.ts'
import { listAll, type WatchPath } from './list.ts'
import { watch } from './watch.ts'

const metadataOnly =
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json;as=PartialObjectMetadataList;v=v1beta1;g=meta.k8s.io'
const oneMetadata = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io'

/** Opens a cluster; nothing is sent yet. */
export function openKube(login: Login, options: HttpOptions): Kube {
  const http = openHttp(login, options)
  const discovery = openDiscovery(http)
  let version: ReturnType<Kube['version']> | undefined
  const pathOf = async (id: ObjectId): Promise<string> => {
    const resource = await discovery.resource(id.group, id.version, id.kind)
    if (resource === undefined) throw unknownKind(id, login.context)
    return objectPath(resource, id)
  }
  return {
    context: login.context,
    server: login.server,
    insidePod: login.insidePod ?? false,
    namespace: login.namespace ?? 'default',
    version: () => {
      version ??= http.json({ method: 'GET', path: '/version', what: 'read the version' })
      version.catch(() => {
        version = undefined
      })
      return version
    },
    ...wellbeing(http),
    resource: discovery.resource,
    apiVersions: discovery.apiVersions,
    get: async (id) => read(http, { method: 'GET', path: await pathOf(id), what: `read ${showObject(id)}` }),
    getMetadata: async (id) =>
      read(http, { method: 'GET', path: await pathOf(id), what: `read ${showObject(id)}`, accept: oneMetadata }),
    list: async (selection) => (await listAll(http, selectionPath(selection))).items,
    listMetadata: async (selection) => (await listAll(http, selectionPath(selection), metadataOnly)).items,
    apply: async (object, options) => apply(http, await pathOf(objectId(object)), { object, options }),
    async create(object) {
      const id = objectId(object)
      const path = (await pathOf(id)).replace(/\/[^/]*$/, '')
      return http.json<K8sObject>({ method: 'POST', path, body: object, what: `create ${showObject(id)}` })
    },
    delete: async (id, options) => remove(http, await pathOf(id), { id, uid: options?.uid }),
    watch: (selection, signal) => watch(http, selectionPath(selection), signal),
    close: () => http.close(),
  }
}

function wellbeing({ ask, hearing, load }: Http): Pick<Kube, 'hearing' | 'load' | 'ping'> {
  const asked: Ask = { method: 'GET', path: '/version', what: 'ask whether it is there' }
  return { hearing, load, ping: async () => void (await ask(asked)) }
}

async function read(http: Http, asked: Ask): Promise<K8sObject | undefined> {
  const answer = await http.ask(asked)
  if (answer.status === 404) return undefined
  if (answer.status >= 300) throw statusError(asked.what, answer.status, answer.body as Status)
  return objectOf(answer.body, asked.what)
}

/** What is read must be an object: of anything else the first look at a field would end the process. */
function objectOf(body: unknown, what: string): K8sObject {
  if (isRecord(body) && isRecord(body['metadata']) && typeof body['kind'] === 'string') return body as K8sObject
  throw strange(`${what}: it gave no object`)
}

type Applying = { readonly object: K8sObject; readonly options: ApplyOptions }

async function apply(http: Http, path: string, { object, options }: Applying): Promise<K8sObject> {
  const query = new URLSearchParams({ fieldManager: options.manager, fieldValidation: 'Strict' })
  if (options.force === true) query.set('force', 'true')
  if (options.dryRun === true) query.set('dryRun', 'All')
  const what = `apply ${showObject(objectId(object))}`
  const stored = await http.json<unknown>({
    method: 'PATCH',
    path: `${path}?${query.toString()}`,
    body: object,
    contentType: 'application/apply-patch+yaml',
    what,
  })
  return objectOf(stored, what)
}

type Removing = { readonly id: ObjectId; readonly uid: string | undefined }

async function remove(http: Http, path: string, { id, uid }: Removing): Promise<'deleted' | 'gone'> {
  const what = `delete ${showObject(id)}`
  const body = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: 'Background',
    ...(uid === undefined ? {} : { preconditions: { uid } }),
  }
  const answer = await http.ask({ method: 'DELETE', path, body, what })
  if (answer.status === 404) return 'gone'
  if (answer.status >= 300) throw statusError(what, answer.status, answer.body as Status)
  return 'deleted'
}

function root({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`
}

function objectPath(resource: Resource, id: ObjectId): string {
  const space = resource.namespaced ? `/namespaces/${encodeURIComponent(id.namespace || 'default')}` : ''
  return `${root(resource)}${space}/${resource.plural}/${encodeURIComponent(id.name)}`
}

function selectionPath({ resource, namespace, labels, fields }: Selection): WatchPath {
  const space = resource.namespaced && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  const query = new URLSearchParams()
  if (labels !== undefined) query.set('labelSelector', labels)
  if (fields !== undefined) query.set('fieldSelector', fields)
  return { path: `${root(resource)}${space}/${resource.plural}`, query, what: `list ${resource.plural}` }
}

function unknownKind(id: ObjectId, context: string): MgoError {
  return new MgoError({
    code: 'KUBE_REFUSED',
    message: `the cluster ${context} serves no ${id.kind} of ${apiVersion(id)} (${showObject(id)})`,
    hint: 'Install its CustomResourceDefinition first, or write an apiVersion that this cluster serves.',
  })
}
