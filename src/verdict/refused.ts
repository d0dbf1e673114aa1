/**
 * Pods that are never made: a quota, a policy, a webhook or a missing service account says no to the controller.
 *
 * @module
 */
import type { K8sObject } from '../release/object.ts'
import { textAt } from './at.ts'
import { evidence } from './pod-trouble.ts'
import type { Trouble } from './pod-trouble.ts'

const rows: readonly { readonly says: RegExp; readonly code: string; readonly hint: string }[] = [
  { says: /exceeded quota/, code: 'QUOTA', hint: 'Raise the namespace’s ResourceQuota, or ask for less.' },
  {
    says: /service ?account .*not found/i,
    code: 'SERVICE_ACCOUNT',
    hint: 'Create the ServiceAccount, or name another one.',
  },
  { says: /admission webhook|failed calling webhook/, code: 'WEBHOOK', hint: 'Look at the webhook that it names.' },
  { says: /./, code: 'ADMISSION', hint: 'A policy of the cluster refuses these pods: mend what it names.' },
]

/**
 * Reads the words of a controller whose pods are refused.
 *
 * @param leaving - whether old pods may leave and make room, so that a quota can still be met
 */
export function refusedPods(by: K8sObject, message: string, leaving: boolean): Trouble {
  const row = rows.find(({ says }) => says.test(message))
  const code = row?.code ?? 'ADMISSION'
  return {
    word: code === 'QUOTA' && leaving ? 'waiting' : 'failed',
    code,
    says: `its pods are refused: ${message}`,
    hint: row?.hint ?? '',
    evidence: [evidence(by, `FailedCreate: ${message}`)],
  }
}

/** The last word of events about pods that could not be made by this very object. */
export function failedCreate(by: K8sObject, events: readonly K8sObject[]): string | undefined {
  const event = events.findLast(
    (one) => textAt(one, 'reason') === 'FailedCreate' && textAt(one, 'involvedObject', 'uid') === by.metadata.uid,
  )
  return textAt(event, 'message')
}
