/**
 * Whether what runs is still what was asked for. Whoever changes a pod template while a deploy is under way has taken
 * it over: green would be a lie then.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { at, listAt, textAt } from './at.ts'
import type { Status } from './status.ts'

/**
 * Compares the images asked for with those of the live object, and its template with the one first seen.
 *
 * @param first - the object as first seen after the apply
 */
export function taken(asked: K8sObject, live: K8sObject, first: K8sObject): Status | undefined {
  const want = images(asked)
  const have = images(live)
  for (const [name, image] of want) {
    const now = have.get(name)
    if (now !== undefined && now !== image) return superseded(live, `the container ${name} is ${now} now, not ${image}`)
  }
  const template = JSON.stringify(at(live, 'spec', 'template'))
  if (template === JSON.stringify(at(first, 'spec', 'template'))) return undefined
  if (first.metadata.uid !== live.metadata.uid) return superseded(live, 'it was deleted and made anew')
  return superseded(live, 'its pod template is another one now')
}

function images(object: K8sObject): ReadonlyMap<string, string> {
  const containers = [
    ...listAt(object, 'spec', 'template', 'spec', 'initContainers'),
    ...listAt(object, 'spec', 'template', 'spec', 'containers'),
  ]
  return new Map(
    containers.flatMap((one): [string, string][] => {
      const [name, image] = [textAt(one, 'name'), textAt(one, 'image')]
      return name === undefined || image === undefined ? [] : [[name, image]]
    }),
  )
}

function superseded(live: K8sObject, why: string): Status {
  const managers = (live.metadata['managedFields'] as readonly unknown[] | undefined) ?? []
  const by = managers
    .map((one) => ({
      manager: textAt(one, 'manager') ?? '',
      time: textAt(one, 'time') ?? '',
      sub: textAt(one, 'subresource'),
    }))
    .filter((one) => one.sub === undefined)
    .toSorted((a, b) => a.time.localeCompare(b.time))
    .at(-1)
  return {
    word: 'failed',
    says: `somebody else changed it meanwhile: ${why}${by === undefined ? '' : ` (by ${by.manager})`}`,
    code: 'SUPERSEDED',
    hint: 'This deploy is over. Look at what runs now, and deploy again if it is not meant.',
  }
}
