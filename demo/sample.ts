/**
 * The sample gitops repo: two releases of a chart that lies in the repo, an image behind a registry port, a raw file,
 * comments and anchors everywhere.
 *
 * @module
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const chart = {
  'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\ndescription: one Deployment and its Service\nversion: 0.1.0\n',
  'charts/web/values.yaml': 'replicas: 1\nimage: { repository: none, tag: none }\n',
  'charts/web/templates/deployment.yaml': `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: { app: {{ .Release.Name }} }
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: { app: {{ .Release.Name }} }
  template:
    metadata:
      labels: { app: {{ .Release.Name }} }
    spec:
      containers:
        - name: web
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
`,
  'charts/web/templates/service.yaml': `apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  selector: { app: {{ .Release.Name }} }
  ports:
    - port: 80
`,
}

function files(cluster: string, context: string, engine: string): Readonly<Record<string, string>> {
  return {
    ...chart,
    'mygitops.yaml': `# what everyone who uses this repo shares
clusters:
  ${cluster}:
    context: ${context} # the kubeconfig context
    engine: ${engine}
`,
    [`installations/${cluster}/shop-values.yaml`]: `# The shop. Owned by the shop team, on call: #shop-alerts

__mygitops: # what mgo reads; the rest of the file is the chart's
  chart: ./charts/web
  namespace: shop
  images: # only these may ever be changed by a deploy
    github.com/acme/shop: &shop # built by the shop's CI
      repository: localhost:5000/acme/shop   # a registry with a port
      tag: "v1" # today's release

image: *shop
replicas: 3   # Black Friday needs more
`,
    [`installations/${cluster}/search-values.yaml`]: `__mygitops:
  chart: ./charts/web
  namespace: shop
  images:
    github.com/acme/search: &search
      repository: quay.io/acme/search
      tag: 'v7'
image: *search
`,
    [`installations/${cluster}/team-raw.yaml`]: `# what no chart brings
apiVersion: v1
kind: Namespace
metadata:
  name: shop
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: opening-hours
  namespace: shop
data:
  weekdays: "8-20"
`,
  }
}

/** Runs git in a folder; throws with its words where it fails. */
export function git(folder: string, ...args: readonly string[]): string {
  const ran = spawnSync('git', ['-c', 'user.name=Grace Hopper', '-c', 'user.email=grace@example.com', ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, GIT_CONFIG_NOSYSTEM: '1' },
  })
  if (ran.status !== 0) throw new Error(`git ${args.join(' ')}: ${ran.stderr || String(ran.error)}`)
  return ran.stdout
}

export type Sample = { readonly cluster: string; readonly context: string; readonly engine: 'helm' | 'render' }

/** Makes the repo with a bare remote; gives the folder of the remote. */
export function makeSample(root: string, { cluster, context, engine }: Sample): string {
  const [bare, work] = [join(root, 'gitops.git'), join(root, 'gitops')]
  for (const folder of [bare, work]) mkdirSync(folder)
  git(bare, 'init', '--quiet', '--bare', '--initial-branch=main')
  git(work, 'init', '--quiet', '--initial-branch=main')
  for (const [path, content] of Object.entries(files(cluster, context, engine))) {
    mkdirSync(dirname(join(work, path)), { recursive: true })
    writeFileSync(join(work, path), content)
  }
  git(work, 'add', '--all')
  git(work, 'commit', '--quiet', '-m', 'The shop, as it runs today')
  git(work, 'remote', 'add', 'origin', bare)
  git(work, 'push', '--quiet', '--set-upstream', 'origin', 'main')
  return bare
}
