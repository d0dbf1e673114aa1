/**
 * Whether a rollback still undoes what it was asked to undo. What it goes back to was found at one commit, and git may have
 * been away since, for hours: whoever put another image there meanwhile was not meant.
 *
 * @module
 */
import { MgoError, type Problem } from '../error.ts'
import { imagesIn } from '../manifest/images.ts'
import type { Files } from '../ports.ts'
import type { Commit } from '../release/ids.ts'
import { type Image, printImage } from '../release/image.ts'
import type { DeployRequest } from '../release/request.ts'
import { imagesAt } from './rollback.ts'

/** The files as they are now, and which of them the request would change. */
type Editing = { readonly files: ReadonlyMap<string, Uint8Array>; readonly paths: readonly string[] }

/** Why a rollback comes too late; `undefined` where it does not, and for every other request. Throws GIT_*. */
export async function overtaken(
  { source, backFrom }: DeployRequest,
  { files, paths }: Editing,
  repo: Files,
): Promise<Problem | undefined> {
  if (backFrom === undefined) return undefined
  for (const path of paths) {
    const then = await imagesThen(backFrom, path, repo)
    const now = imagesIn(path, files.get(path) ?? new Uint8Array())
    if (shown(then?.get(source)) !== shown(now.get(source))) return problemOf(source, path, backFrom)
  }
  return undefined
}

/** A mirror that was made anew lacks a commit that the branch no longer holds. Waiting would not bring it back. */
function imagesThen(commit: Commit, path: string, repo: Files): Promise<ReadonlyMap<string, Image> | undefined> {
  return imagesAt(commit, path, repo).catch((error: unknown) => {
    if (error instanceof MgoError && error.code === 'GIT_FAILED') return undefined
    throw error
  })
}

function shown(image: Image | undefined): string {
  return image === undefined ? '' : printImage(image)
}

function problemOf(source: string, path: string, backFrom: Commit): Problem {
  return {
    code: 'ROLLBACK_OVERTAKEN',
    message: `${path} has another image of ${source} than at ${backFrom.slice(0, 12)}, from where this rollback was to go back`,
    hint: 'Nothing was changed. See what is there now, and ask for the rollback again if it is still wanted.',
  }
}
