/**
 * The keys and certificates of one rig, made with openssl: an authority of its own, a server, one administrator, and
 * the pair that signs service account tokens.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const names = 'DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1'

/** Writes ca, server, admin (.crt and .key) and sa.key, sa.pub into `folder`. */
export function makeCerts(folder: string): void {
  const ssl = (args: readonly string[]) => {
    const ran = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' })
    if (ran.status !== 0) throw new Error(`openssl ${args[0] ?? ''} failed: ${ran.stderr || String(ran.error)}`)
  }
  const key = (name: string) => ssl(['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`])
  for (const name of ['ca', 'server', 'admin', 'sa']) key(name)
  ssl(['ec', '-in', 'sa.key', '-pubout', '-out', 'sa.pub'])
  ssl(['req', '-x509', '-new', '-key', 'ca.key', '-days', '3', '-subj', '/CN=rig', '-out', 'ca.crt'])
  const sign = (name: string, subject: string, extensions: string) => {
    writeFileSync(join(folder, `${name}.ext`), extensions)
    ssl(['req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`])
    const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '3', '-extfile', `${name}.ext`]
    ssl(['x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.crt`])
  }
  sign('server', '/CN=kube-apiserver', `subjectAltName=${names}\nextendedKeyUsage=serverAuth\n`)
  sign('admin', '/O=system:masters/CN=rig-admin', 'extendedKeyUsage=clientAuth\n')
}
