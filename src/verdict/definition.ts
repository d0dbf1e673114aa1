/**
 * A CustomResourceDefinition is as asked when its kind is served; an APIService when somebody answers behind it.
 *
 * @module
 */
import { conditions, listAt, textAt } from './at.ts'
import type { Live, Status } from './status.ts'
import { evidence, short } from './trouble.ts'

/** Judges a CustomResourceDefinition. */
export function definitionStatus({ object }: Live): Status {
  const known = conditions(object)
  const names = known.get('NamesAccepted')
  const established = known.get('Established')
  if (names?.status === 'False')
    return {
      word: 'failed',
      says: `its kind is not served: ${[names.reason, short(names.message)].filter((one) => one !== '').join(': ')}`,
      code: 'CRD_NOT_SERVED',
      hint: 'Another definition holds this name: kubectl get crd. Take one of the two away, or rename it.',
      evidence: [evidence(object, `NamesAccepted=False ${names.reason}: ${names.message}`, names.since)],
    }
  if (established?.status === 'True' && names?.status === 'True') {
    const served = listAt(object, 'spec', 'versions').flatMap((one) => textAt(one, 'name') ?? [])
    return { word: 'current', says: `its kind is served (${served.join(', ')})` }
  }
  const why = established === undefined || established.message === '' ? '' : `: ${short(established.message)}`
  return {
    word: 'waiting',
    says: `its kind is not served yet${why}`,
    code: 'CRD_NOT_SERVED',
    hint: 'This takes a moment; if it lasts, look at its conditions: kubectl describe crd.',
    evidence: [evidence(object, `Established is ${established?.status ?? 'not set'}`, established?.since)],
  }
}

/** Judges an APIService. */
export function apiServiceStatus({ object }: Live): Status {
  const available = conditions(object).get('Available')
  if (available?.status === 'True') return { word: 'current', says: 'its API answers' }
  const words = [available?.reason ?? '', short(available?.message ?? '')].filter((one) => one !== '').join(': ')
  return {
    word: 'waiting',
    says: `its API does not answer yet${words === '' ? '' : `: ${words}`}`,
    code: 'CONDITION',
    hint: 'Look at the Service behind it and the pods of that.',
    evidence: [evidence(object, `Available is ${available?.status ?? 'not set'}: ${words}`, available?.since)],
  }
}
