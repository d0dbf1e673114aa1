/**
 * Charts from repositories over their real protocols, with the real helm 3 and helm 4: an index over HTTP, an OCI registry;
 * logins, ranges, and everything that can go wrong with them. Nothing is kept of what failed, and the password is nowhere.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { chartLoginFiles, chartPassword, startCharts } from '../chart-server.ts'
import { makeBare } from '../git-server.ts'
import { call, chartFiles, makeMgo, type Mgo, values } from '../mgo.ts'
import { binFolder } from '../rig/build.ts'

const bin = binFolder()
const charts = await startCharts(join(bin, 'helm4'), chartFiles, ['1.2.0', '1.3.1', '2.0.0'])
const root = mkdtempSync(join(tmpdir(), 'mgo-charts-'))
after(async () => {
  await charts.close()
  rmSync(root, { recursive: true, force: true })
})

/** What mgo starts as helm: it writes down how it was called. */
function noted(helm: string): string {
  const program = join(root, `${helm}-noted`)
  writeFileSync(program, `#!/bin/sh\necho "$@" >> '${root}/argv'\nexec '${join(bin, helm)}' "$@"\n`)
  chmodSync(program, 0o755)
  return program
}

const logins = (password: string) => chartLoginFiles(root, charts, password)
const plain = { MGO_HELM_PLAIN_HTTP: charts.host }
let made = 0

type Asked = {
  readonly name?: string
  readonly version?: string
  readonly url?: string
  readonly env?: Record<string, string>
}

for (const helm of ['helm3', 'helm4'])
  for (const [protocol, url] of [
    ['http', charts.url],
    ['oci', `oci://${charts.host}/team`],
  ] as const)
    describe(`${helm}, ${protocol}`, () => {
      /** Renders a repo of one release; nothing of what other tests pulled is there. */
      async function render(asked: Asked = {}, ...flags: readonly string[]) {
        const { name = 'shop', version = '1.2.0', env = plain } = asked
        const release = values('web').replace('./charts/shop', `team/${name}\n  version: "${version}"`)
        const repo = makeBare(root, `${made++}.git`, {
          'mygitops.yaml': `helm: { repositories: [{ name: team, url: "${asked.url ?? url}" }] }\n`,
          'installations/prod/web-values.yaml': release,
        })
        const mgo = makeMgo({ repo, helm: noted(helm), env: { ...plain, ...env } })
        after(() => mgo.remove())
        const ran = await mgo.run('render', '--cluster', 'prod', '--out', join(mgo.state, 'out'), ...flags)
        return { ...ran, mgo }
      }
      const pulledBy = (mgo: Mgo) => globSync('state/helm/{pulled,work}/*', { cwd: mgo.state })

      /** The error says this code and words; nothing is rendered and nothing kept. */
      async function fails(asked: Asked, code: string, says: RegExp): Promise<void> {
        const { stderr, mgo, ...ran } = await render(asked)
        assert.notEqual(ran.code, 0)
        assert.match(stderr, new RegExp(`^${code}: `), stderr)
        assert.match(stderr, says)
        assert.deepEqual(pulledBy(mgo), [])
        assert.equal(existsSync(join(mgo.state, 'out')), false)
      }

      after(() => {
        charts.fault('none')
        charts.login(false)
      })

      test('renders, and asks nobody again', async () => {
        const { code, stderr, mgo } = await render()
        assert.equal(code, 0, stderr)
        assert.equal(globSync('out/**/*.yaml', { cwd: mgo.state }).length, 2)
        const before = charts.seen.length
        assert.equal((await mgo.run('render', '--cluster', 'prod')).code, 0)
        assert.equal(charts.seen.length, before)
      })

      test('a range is refused without the flag, and finds the newest that fits with it', async () => {
        await fails({ version: '^1.2' }, 'REPO_INVALID', /not one exact version/)
        const { code, stderr, mgo } = await render({ version: '^1.2' }, '--allow-ranges')
        assert.equal(code, 0, stderr)
        assert.match(String(globSync('state/helm/pulled/*/*', { cwd: mgo.state })), /shop-1\.3\.1\.tgz$/)
      })

      test('a login comes from helm’s own files', async () => {
        charts.login(true)
        const { code, stderr, mgo } = await render({ env: logins(chartPassword) })
        charts.login(false)
        assert.equal(code, 0, stderr)
        assert.equal(pulledBy(mgo).length, 1)
      })

      test('no login, and a wrong one', async () => {
        charts.login(true)
        await fails({}, 'REGISTRY_DENIED', /HELM_REPOSITORY_CONFIG.*HELM_REGISTRY_CONFIG/)
        const before = charts.seen.length
        await fails({ env: logins('a-wrong-password') }, 'REGISTRY_DENIED', /could not pull the chart/)
        assert.ok(charts.seen.slice(before).some(({ authorization }) => authorization !== undefined))
        charts.login(false)
      })

      test('no such version, no such chart', async () => {
        await fails({ version: '9.9.9' }, 'CHART_UNAVAILABLE', /name and version/)
        await fails({ name: 'none' }, 'CHART_UNAVAILABLE', /name and version/)
      })

      test('a server that is away, and one that is out of order', async () => {
        await fails({ url: url.replace(charts.host, '127.0.0.1:1') }, 'CHART_UNAVAILABLE', /up, and can this machine/)
        charts.fault('broken')
        await fails({}, 'CHART_UNAVAILABLE', /up, and can this machine/)
        charts.fault('none')
      })

      test('an archive that is torn is not kept', async () => {
        charts.fault('cut')
        await fails({}, 'CHART_UNAVAILABLE', /up, and can this machine/)
        charts.fault('torn')
        await fails({}, protocol === 'http' ? 'CHART_INVALID' : 'CHART_UNAVAILABLE', /damaged|could not pull/)
        charts.fault('none')
      })

      test('another host that an archive is at is not told the password', async () => {
        charts.login(true)
        charts.fault('redirect')
        const before = charts.seen.length
        const { stderr } = await render({ env: logins(chartPassword) })
        charts.fault('none')
        charts.login(false)
        const asked = charts.seen.slice(before).filter(({ line }) => /\.tgz|\/blobs\//.test(line))
        assert.ok(asked.length >= 2, stderr)
        assert.equal(asked.at(-1)?.authorization, undefined, JSON.stringify(asked))
      })

      if (protocol === 'http')
        test('a repository without an index', async () => {
          charts.fault('no-index')
          await fails({}, 'CHART_UNAVAILABLE', /name and version/)
          charts.fault('none')
        })

      test('the password is in no argument', () => {
        const argv = readFileSync(join(root, 'argv'), 'utf8')
        assert.match(argv, /^pull /m)
        assert.doesNotMatch(argv, /the-password|wrong-password/)
      })
    })

test('S22: a chart repository whose name leads to the machine’s own link is not called', async () => {
  const repo = makeBare(root, `${made++}.git`, {
    'mygitops.yaml': 'helm: { repositories: [{ name: team, url: "http://metadata.example.com/charts" }] }\n',
    'installations/prod/web-values.yaml': values('web').replace('./charts/shop', 'team/shop\n  version: "1.2.0"'),
  })
  const mgo = makeMgo({ repo })
  after(() => mgo.remove())
  const hosts = join(root, 'hosts')
  writeFileSync(hosts, '127.0.0.1 localhost\n169.254.169.254 metadata.example.com\n')
  const argv = () => (existsSync(join(root, 'argv')) ? readFileSync(join(root, 'argv'), 'utf8') : '')
  const before = argv()
  // Only this one sees these names.
  const user = process.getuid?.() === 0 ? [] : ['--map-root-user']
  const mounted = ['--mount', 'sh', '-c', `mount --bind '${hosts}' /etc/hosts && exec "$@"`, 'sh']
  const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
  const ran = await call(
    'unshare',
    [...user, ...mounted, process.execPath, main, 'render', '--cluster', 'prod', '--out', join(mgo.state, 'out')],
    { HOME: mgo.state, MGO_STATE: join(mgo.state, 'state'), MGO_GITOPS_REPO: repo, MGO_HELM: noted('helm4') },
  )
  assert.notEqual(ran.code, 0)
  assert.match(ran.stderr, /^CHART_UNAVAILABLE: metadata\.example\.com is at 169\.254\.169\.254/m)
  assert.doesNotMatch(argv().slice(before.length), /pull/, 'no helm was asked')
})
