/**
 * A repo that cannot be worked with yet: whoever wants something of it waits until it can.
 *
 * @module
 */
import type { Repo } from '../ports.ts'

/** `ready` is asked by each call; it may reject, and be asked again. */
export function laterRepo({ name, branch }: Pick<Repo, 'name' | 'branch'>, ready: () => Promise<Repo>): Repo {
  return {
    name,
    branch,
    tip: async () => (await ready()).tip(),
    fetch: async () => (await ready()).fetch(),
    begin: async () => (await ready()).begin(),
    look: async () => (await ready()).look(),
    changes: async (from, to) => (await ready()).changes(from, to),
    tree: async (commit, folder) => (await ready()).tree(commit, folder),
    read: async (oids, limit) => (await ready()).read(oids, limit),
    write: async (base, commits) => (await ready()).write(base, commits),
    push: async (base, next) => (await ready()).push(base, next),
    requestsIn: async (from, to) => (await ready()).requestsIn(from, to),
    history: async (commit, path, limit) => (await ready()).history(commit, path, limit),
    lay: async (commit, folder, into) => (await ready()).lay(commit, folder, into),
    other: (other) => laterRepo({ name, branch: other }, async () => (await ready()).other(other)),
    close: async () => (await ready()).close(),
  }
}
