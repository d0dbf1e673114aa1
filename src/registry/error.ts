/**
 * What goes wrong with registries, with the next step.
 *
 * @module
 */
import { MgoError } from '../error.ts'

/** REGISTRY_UNREACHABLE: it may work later. */
export function unreachable(host: string, why: string, cause?: unknown): MgoError {
  return new MgoError(
    {
      code: 'REGISTRY_UNREACHABLE',
      message: `the registry ${host} cannot say which digest a tag has: ${why}`,
      hint: 'Is the registry up, and can this machine reach it?',
    },
    { cause },
  )
}

/** REGISTRY_DENIED: somebody must give mgo the right to read. */
export function denied(host: string, why: string): MgoError {
  return new MgoError({
    code: 'REGISTRY_DENIED',
    message: `the registry ${host} does not answer mgo: ${why}`,
    hint: `Give registries."${host}" a username and passwordEnv that may pull, and auth where tokens come from another host.`,
  })
}
