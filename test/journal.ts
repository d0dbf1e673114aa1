/**
 * What the tests of the journal share: requests, verdicts, and how to compare what JSON has kept.
 *
 * @module
 */
import assert from 'node:assert/strict'
import type { Journal } from '../src/journal/journal.ts'
import { type Cluster, type Commit, type RequestId, requestId } from '../src/release/ids.ts'
import type { DeployRequest } from '../src/release/request.ts'
import type { Verdict } from '../src/release/verdict.ts'

export const commit = 'a'.repeat(40) as Commit

/** A request of that moment. */
export function ask(at: number, source = 'github.com/acme/shop'): DeployRequest {
  return {
    id: requestId(at, new Uint8Array(16)),
    cluster: 'prod' as Cluster,
    source,
    image: { repository: 'acme/shop', tag: 'v1', digest: undefined },
    author: { name: 'Ada', email: 'ada@example.com' },
    acceptedAt: at,
  }
}

/** Its verdict. */
export function verdict(id: RequestId, word: Verdict['verdict'] = 'healthy'): Verdict {
  return { id, cluster: 'prod' as Cluster, commit, verdict: word, releases: [], timing: { acceptedMs: 0 } }
}

/** What is open, in the order of acceptance. */
export async function open(journal: Journal): Promise<readonly DeployRequest[]> {
  return (await journal.unfinished(0, 100_000)).map(({ request }) => request)
}

/** As JSON keeps it: what is undefined is not there. */
export function same(got: unknown, want: unknown): void {
  assert.deepEqual(JSON.parse(JSON.stringify(got)), JSON.parse(JSON.stringify(want)))
}
