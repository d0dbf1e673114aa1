/**
 * Charts with the real helm 3 and helm 4: what is unchanged costs nothing, what somebody else did to a release is seen,
 * and a helm that died is cleared away only when it was ours.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { chartLoginFiles, chartPassword, startCharts } from '../chart-server.ts'
import { git, makeBare, put, startGitServer } from '../git-server.ts'
import { call, chart, chartFiles, makeMgo, values } from '../mgo.ts'
import { requests, writes } from '../rig/audit.ts'
import { startRig } from '../rig/rig.ts'

const rig = await startRig({ name: 'prod' })
const server = await startGitServer()
const charts = await startCharts(join(rig.bin, 'helm4'), chartFiles, ['1.2.0'])
charts.login(true)
after(async () => {
  await charts.close()
  await server.close()
  await rig.stop()
})

for (const helm of ['helm3', 'helm4']) {
  describe(helm, () => {
    const namespace = `shop-${helm}`
    const file = values('web').replace('namespace: shop', `namespace: ${namespace}`)
    makeBare(server.root, `${helm}.git`, {
      ...chart,
      'installations/prod/web-values.yaml': file,
      'installations/prod/web-secrets.yaml': 'password: correct-horse-battery\n',
    })
    const mgo = makeMgo({ repo: server.url(`${helm}.git`), kubeconfig: rig.kubeconfig, helm: join(rig.bin, helm) })
    after(() => mgo.remove())
    const real = (...args: readonly string[]) =>
      call(join(rig.bin, helm), [...args, '--namespace', namespace, '--kubeconfig', rig.kubeconfig], {
        HOME: mgo.state,
      })
    const sync = async (...args: readonly string[]) => {
      const ran = await mgo.run('sync', '--cluster', 'prod', '-o', 'json', ...args)
      const [release] = (
        JSON.parse(ran.stdout) as {
          releases: { release: string; verdict: string; revision?: number; code?: string; reason: string }[]
        }
      ).releases
      return { ...ran, release }
    }

    test('installs', async () => {
      const { code, release, stdout } = await sync()
      assert.equal(code, 0, stdout)
      assert.deepEqual({ verdict: release?.verdict, revision: release?.revision }, { verdict: 'healthy', revision: 1 })
    })

    test('an unchanged release starts no helm and writes nothing', async () => {
      const since = new Date()
      const before = mgo.helmCalls().length
      const { code, release } = await sync()
      assert.equal(code, 0)
      assert.equal(release?.verdict, 'unchanged')
      assert.equal(mgo.helmCalls().length, before)
      const asked = requests(rig.auditLog, { agent: /^mgo\//, since })
      assert.deepEqual(writes(asked), [])
      assert.ok(asked.some(({ verb }) => verb === 'list'))
    })

    test('somebody’s own helm upgrade is seen, although helm copies the label', async () => {
      const foreign = await real('upgrade', 'web', join(import.meta.dirname, '..', 'charts', 'other'))
      assert.equal(foreign.code, 0, foreign.stderr)
      const { release } = await sync()
      assert.deepEqual({ verdict: release?.verdict, revision: release?.revision }, { verdict: 'healthy', revision: 3 })
    })

    test('somebody’s own helm rollback is seen', async () => {
      const foreign = await real('rollback', 'web', '1')
      assert.equal(foreign.code, 0, foreign.stderr)
      const { release } = await sync()
      assert.deepEqual({ verdict: release?.verdict, revision: release?.revision }, { verdict: 'healthy', revision: 5 })
    })

    test('helm’s own commands go on working', async () => {
      const history = await real('history', 'web', '-o', 'json')
      assert.equal((JSON.parse(history.stdout) as unknown[]).length, 5)
    })

    test('a pending record of somebody else is left alone, and said', async () => {
      const secret = ['secret', '-n', namespace, 'sh.helm.release.v1.web.v5']
      const kubectl = (...args: readonly string[]) =>
        call(join(rig.bin, 'kubectl'), ['--kubeconfig', rig.kubeconfig, ...args])
      await kubectl('label', ...secret, 'status=pending-upgrade', 'mgo/writer=elsewhere.1.1', '--overwrite')
      const foreign = await sync()
      assert.equal(foreign.release?.code, 'HELM_PENDING', foreign.stdout)
      assert.match(foreign.release?.reason ?? '', /somebody else is at work on .*web since .*revision 5 is pending/)
      await kubectl('label', ...secret, 'status=deployed', '--overwrite')
    })

    test('a chart of a registry that wants a login is deployed', async () => {
      const pulled = values('pulled').replace('namespace: shop', `namespace: ${namespace}`)
      const repo = makeBare(server.root, `${helm}-pulled.git`, {
        'mygitops.yaml': `helm: { repositories: [{ name: team, url: "oci://${charts.host}/team" }] }\n`,
        'installations/prod/pulled-values.yaml': pulled.replace('./charts/shop', 'team/shop\n  version: 1.2.0'),
      })
      const env = { ...chartLoginFiles(mgo.state, charts, chartPassword), MGO_HELM_PLAIN_HTTP: charts.host }
      const own = makeMgo({ repo, kubeconfig: rig.kubeconfig, helm: join(rig.bin, helm), env })
      after(() => own.remove())
      const wanted = [
        '--source',
        'github.com/acme/pulled',
        '--image',
        'localhost:5000/acme/pulled:v2',
        '--author',
        'Ada',
      ]
      const ran = await own.run('deploy', '--cluster', 'prod', ...wanted)
      assert.equal(ran.code, 0, ran.stderr)
      assert.doesNotMatch(`${ran.stdout}${ran.stderr}`, new RegExp(chartPassword))
    })

    test('a chart that cannot be rendered fails with the chart’s own words, and no secret', async () => {
      const bare = join(server.root, `${helm}.git`)
      const work = join(mgo.state, 'work')
      git(mgo.state, 'clone', '--quiet', bare, work)
      put(work, {
        'charts/shop/templates/bad.yaml': '{{ fail (printf "the password %s is too short" .Values.password) }}\n',
      })
      git(work, 'add', '--all')
      git(work, 'commit', '--quiet', '-m', 'Break the chart')
      git(work, 'push', '--quiet')
      const { code, release, stdout, stderr } = await sync()
      assert.equal(code, 1, stdout)
      assert.equal(release?.code, 'CHART_INVALID')
      assert.match(release?.reason ?? '', /is too short/)
      assert.doesNotMatch(`${stdout}${stderr}`, /correct-horse/)
    })
  })
}
