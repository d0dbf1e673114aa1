/**
 * Ctrl-C and SIGTERM while helm is at work on a cluster, in the middle of a hook: helm is let finish, no release is left
 * pending, and the next sync has nothing to mend.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeBare, startGitServer } from '../git-server.ts'
import { call, chart, makeMgo, values } from '../mgo.ts'
import { startRig } from '../rig/rig.ts'

const rig = await startRig({ name: 'prod' })
const server = await startGitServer()
after(async () => {
  await server.close()
  await rig.stop()
})

/** Takes four seconds on the rig. */
const slowHook = `apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-migrate
  annotations: { helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-delete-policy: before-hook-creation }
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: migrate, image: "acme/migrate:slow" }]
`

type Ended = { readonly code: number; readonly stderr: string }

function ended(child: ChildProcess): Promise<Ended> {
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ code: code ?? -1, stderr })))
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

for (const [helm, signal, want] of [
  ['helm3', 'SIGINT', 130],
  ['helm4', 'SIGTERM', 143],
] as const) {
  const namespace = `stop-${helm}`
  const repo = makeBare(server.root, `${helm}.git`, {
    ...chart,
    'charts/shop/templates/hook.yaml': slowHook,
    'installations/prod/web-values.yaml': values('web').replace('namespace: shop', `namespace: ${namespace}`),
  })
  const mgo = makeMgo({ repo, kubeconfig: rig.kubeconfig, helm: join(rig.bin, helm) })
  after(() => mgo.remove())

  /** The state of each revision, as helm's records have it. */
  async function states(): Promise<string> {
    const columns = 'custom-columns=:metadata.labels.version,:metadata.labels.status'
    const asked = ['get', 'secrets', '-n', namespace, '-l', 'owner=helm', '--no-headers', '-o', columns]
    const { stdout } = await call(join(rig.bin, 'kubectl'), ['--kubeconfig', rig.kubeconfig, ...asked])
    return stdout.replace(/ +/g, ' ').trim().replaceAll('\n', ', ')
  }

  async function reach(wanted: RegExp): Promise<void> {
    const end = performance.now() + 60_000
    for (let now = await states(); !wanted.test(now); now = await states()) {
      assert.ok(performance.now() < end, `${wanted} was not reached: ${now}`)
      await pause(50)
    }
  }

  function deploy(tag: string): ChildProcess {
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: mgo.state,
      KUBECONFIG: rig.kubeconfig,
      MGO_HELM: join(rig.bin, helm),
    }
    const wanted = ['--source', 'github.com/acme/web', '--image', `localhost:5000/acme/web:${tag}`, '--author', 'Ada']
    const args = ['deploy', '--gitops-repo', repo, '--cluster', 'prod', ...wanted]
    return spawn(join(import.meta.dirname, '..', '..', 'bin', 'mgo'), args, {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  }

  test(`${helm}, ${signal}: helm finishes what it is at, and nothing is left to mend`, async () => {
    const child = deploy('v2')
    const end = ended(child)
    await reach(/^1 pending-install$/)
    child.kill(signal)
    const { code, stderr } = await end
    // Helm had ended when mgo did.
    assert.equal(await states(), '1 deployed', stderr)
    assert.equal(code, want, stderr)
    assert.match(stderr, /stopping: what is under way is finished/)
    const synced = await mgo.run('sync', '--cluster', 'prod')
    assert.equal(synced.code, 0, synced.stderr)
    assert.equal(await states(), '1 deployed')
  })

  test(`${helm}, ${signal} twice: mgo ends at once, helm goes on by itself`, async () => {
    const child = deploy('v3')
    const end = ended(child)
    await reach(/2 pending-upgrade$/)
    child.kill(signal)
    await pause(1_200)
    child.kill(signal)
    assert.equal((await end).code, want)
    await reach(/^1 superseded, 2 deployed$/)
    const synced = await mgo.run('sync', '--cluster', 'prod')
    assert.equal(synced.code, 0, synced.stderr)
    assert.equal(await states(), '1 superseded, 2 deployed')
  })
}
