/**
 * The lines of git's own protocols: four hexadecimal digits of length, then that many bytes in all.
 *
 * Format: gitprotocol-common(5).
 *
 * @module
 */

export const flush = '0000'
export const delimiter = '0001'

/** One line. */
export function framed(payload: Uint8Array | string): Buffer {
  const bytes = Buffer.from(payload)
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, '0')), bytes])
}

/** The payloads, up to the first line that is none; what only divides (a flush, a delimiter) is left out. */
export function packets(bytes: Buffer): readonly Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at + 4 <= bytes.length; ) {
    const head = bytes.toString('latin1', at, at + 4)
    const length = /^[0-9a-f]{4}$/i.test(head) ? Number.parseInt(head, 16) : Number.NaN
    if (length === 0 || length === 1) {
      at += 4
      continue
    }
    if (!(length >= 4) || at + length > bytes.length) break
    found.push(bytes.subarray(at + 4, at + length))
    at += length
  }
  return found
}

/** Side bands by their number (1: data, 2: words for people, 3: a last word); 0 holds lines of no band. */
export function bandsOf(lines: readonly Buffer[]): readonly [plain: Buffer[], Buffer[], Buffer[], Buffer[]] {
  const bands: [Buffer[], Buffer[], Buffer[], Buffer[]] = [[], [], [], []]
  for (const line of lines) {
    const band = bands[line[0] === undefined || line[0] > 3 ? 0 : line[0]] ?? bands[0]
    band.push(band === bands[0] ? line : line.subarray(1))
  }
  return bands
}
