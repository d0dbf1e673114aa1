/**
 * Whether an archive is whole, before it is kept: helm writes down what a server sends, and a torn one would be found again
 * at each later deploy.
 *
 * @module
 */
import { createReadStream, statSync } from 'node:fs'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { MgoError, messageOf } from '../error.ts'

/** No chart that people keep is larger; an archive of more is an attack or a mistake. */
const archiveBytes = 64 * 1024 * 1024
const unpackedBytes = 512 * 1024 * 1024

/** Throws CHART_INVALID for an archive that is torn, or larger than a chart is. */
export async function checkArchive(file: string, chart: string): Promise<void> {
  if (statSync(file).size > archiveBytes) throw invalid(chart, 'is larger than 64 MiB')
  let bytes = 0
  const counting = new Writable({
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      done(bytes > unpackedBytes ? new Error('it unpacks to more than 512 MiB') : null)
    },
  })
  try {
    await pipeline(createReadStream(file), createGunzip(), counting)
  } catch (cause) {
    throw invalid(chart, `is damaged: ${messageOf(cause)}`)
  }
}

function invalid(chart: string, why: string): MgoError {
  return new MgoError({
    code: 'CHART_INVALID',
    message: `the archive of the chart ${chart} ${why}`,
    hint: 'Look at the file in the chart repository, or publish the chart again.',
  })
}
