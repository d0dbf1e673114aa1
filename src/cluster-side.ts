/**
 * What only a deploy that reaches a cluster or a chart repository needs: their logins, and the client. Loaded when the first
 * one is asked for.
 *
 * @module
 */
import { findLogin, type LoginOptions } from './config/login.ts'
import type { HttpOptions } from './kube/http.ts'
import { openKube } from './kube/kube.ts'
import type { Kube, Login } from './ports.ts'
import type { Secrets } from './secrets.ts'

export { chartLogins } from './config/chart-logins.ts'

export type Reaching = LoginOptions & Omit<HttpOptions, 'hide'> & { readonly secrets: Secrets }

/** Opens the cluster of a context; nothing is sent yet. Throws KUBECONFIG_INVALID. */
export function reach(context: string, { secrets, ...options }: Reaching): Kube {
  return openKube(learning(findLogin(context, options), secrets), { ...options, hide: secrets.hide })
}

/** Tokens change while mgo runs: each one is known before it is used. */
function learning(login: Login, secrets: Secrets): Login {
  secrets.credential(...(login.unsent ?? []))
  return {
    ...login,
    async credential(again) {
      const credential = await login.credential(again)
      secrets.credential(credential.token, credential.key, credential.cert)
      return credential
    },
  }
}
