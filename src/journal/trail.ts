/**
 * The audit trail of a journal that no server has open: a stopped one, a copy, a backup. Reads and checks; writes nothing.
 *
 * @module
 */
import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { MgoError } from '../error.ts'
import type { Chained, Verified } from '../release/audit.ts'
import { auditReader, link, root } from './audit.ts'
import { journalError } from './error.ts'

export type Trail = {
  /** Up to 1,000 entries after the `after`th, the oldest first. */
  page(after: number): Promise<readonly Chained[]>
  /** Requests of the journal that the trail does not know, or not to their end; some of them. */
  unwritten(): Promise<readonly string[]>
  close(): void
}

/** Opens the trail of a journal. Throws JOURNAL_FAILED. */
export function openTrail(file: string): Trail {
  const attempt = <T>(work: () => T): T => {
    try {
      return work()
    } catch (cause) {
      throw unreadable(file, cause)
    }
  }
  const found = statSync(file, { throwIfNoEntry: false })
  if (found?.isFile() !== true)
    throw unreadable(file, new Error(found === undefined ? 'there is no such file' : 'it is no file'))
  const { database, audit } = attempt(() => {
    const opened = new DatabaseSync(file, { readOnly: true, timeout: 250 })
    return { database: opened, audit: auditReader(opened) }
  })
  return {
    page: async (after) => attempt(() => audit.page({ after, limit: 1_000 })),
    unwritten: async () => attempt(() => audit.unwritten(10)),
    close: () => database.close(),
  }
}

function unreadable(file: string, cause: unknown): MgoError {
  const { message, hint } = journalError(file, cause)
  const isServed = (cause as { readonly errcode?: number }).errcode === 5
  return new MgoError(
    {
      code: 'JOURNAL_FAILED',
      message,
      hint: isServed ? 'A server has it open: ask that one with --server URL, or read a backup.' : hint,
    },
    { cause },
  )
}

/** Follows a chain, page by page, from its first entry on. */
export function verifier(): (page: readonly Chained[]) => Verified {
  let head = root
  let entries = 0
  return (page) => {
    for (const one of page) {
      if (one.n !== entries + 1) return { kind: 'broken', n: entries + 1, why: 'this entry is missing' }
      if (link(head, one) !== one.hash) return { kind: 'broken', n: one.n, why: 'this entry, or its hash, was changed' }
      head = one.hash
      entries = one.n
    }
    return { kind: 'whole', entries, head }
  }
}
