import assert from 'node:assert/strict'
import { test } from 'node:test'
import { helmError } from './error.ts'

const template = `{"labels":{"job-name":"migrate"},"Spec":{${'"Volumes":null,'.repeat(200)}"a":1}}`

/** What helm 3.22 and 4.3 printed. */
const cases: readonly [why: string, stderr: string, code: string, says: RegExp, hint: RegExp][] = [
  [
    'helm 3, a field that cannot change: the word behind the template is kept',
    `Error: UPGRADE FAILED: cannot patch "migrate" with kind Job: Job.batch "migrate" is invalid: spec.template: Invalid value: ${template}: field is immutable`,
    'KUBE_REFUSED',
    /spec\.template: Invalid value: \{"labels":\{"job-name…: field is immutable$/,
    /delete the object/,
  ],
  [
    'helm 4, the same, behind a log line that quotes it too',
    `level=WARN msg="upgrade failed" error="spec.template: Invalid value: ${template.replaceAll('"', '\\"')}: no"\nError: UPGRADE FAILED: server-side apply failed for object shop/migrate batch/v1, Kind=Job: Job.batch "migrate" is invalid: spec.template: Invalid value: ${template}: field is immutable`,
    'KUBE_REFUSED',
    /field is immutable$/,
    /delete the object/,
  ],
  [
    'helm 4, an unknown field',
    'Error: UPGRADE FAILED: server-side apply failed for object shop/web apps/v1, Kind=Deployment: failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema',
    'KUBE_REFUSED',
    /\.spec\.replica: field not declared in schema$/,
    /mend the field/,
  ],
  [
    'a selector that cannot change',
    'Error: UPGRADE FAILED: cannot patch "web" with kind Deployment: Deployment.apps "web" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"web2"}}: field is immutable',
    'KUBE_REFUSED',
    /Invalid value: \{"matchLabels":\{"app":"web2"\}\}: field is immutable$/,
    /delete the object/,
  ],
  [
    'a kind that nobody serves',
    'Error: unable to build kubernetes objects from release manifest: resource mapping not found for name: "x" namespace: "" from "": no matches for kind "Thing" in version "nope.example.com/v1"\nensure CRDs are installed first',
    'KUBE_REFUSED',
    /no matches for kind "Thing"/,
    /crds\/ folder/,
  ],
  [
    'no right to patch',
    'Error: UPGRADE FAILED: cannot patch "web" with kind Deployment: deployments.apps "web" is forbidden: User "ci" cannot patch resource',
    'KUBE_DENIED',
    /is forbidden/,
    /RoleBinding|Role or ClusterRole/,
  ],
  [
    'a template that breaks',
    'Error: template: web/templates/x.yaml:3:4: executing "web/templates/x.yaml" at <.Values.a.b>: nil pointer evaluating interface {}.b',
    'CHART_INVALID',
    /nil pointer/,
    /mend the values/,
  ],
  [
    'a webhook that is away, on a cluster that is not',
    'Error: UPGRADE FAILED: failed to create resource: Internal error occurred: failed calling webhook "pods.guard.example": failed to call webhook: Post "https://guard.shop.svc:443/pods?timeout=10s": dial tcp 10.96.3.4:443: connect: connection refused',
    'KUBE_FAILED',
    /failed calling webhook "pods\.guard\.example"/,
    /behind this webhook/,
  ],
  [
    'a conversion webhook that is away',
    'Error: UPGRADE FAILED: conversion webhook for example.com/v1, Kind=Thing failed: Post "https://things.shop.svc:443/convert?timeout=30s": dial tcp: lookup things.shop.svc: no such host',
    'KUBE_FAILED',
    /conversion webhook for example\.com\/v1/,
    /behind this webhook/,
  ],
  [
    'a cluster that is away',
    'Error: Kubernetes cluster unreachable: Get "https://127.0.0.1:6443/version": dial tcp 127.0.0.1:6443: connect: connection refused',
    'KUBE_UNREACHABLE',
    /cluster unreachable/,
    /Is the cluster up/,
  ],
  ['nothing at all', '', 'HELM_FAILED', /no word from helm$/, /own words/],
]

for (const [why, stderr, code, says, hint] of cases)
  test(`helmError: ${why}`, () => {
    const error = helmError('upgrade shop/web', { code: 1, stdout: Buffer.alloc(0), stderr, ended: 'itself' })
    assert.equal(error.code, code)
    assert.match(error.message, says)
    assert.match(error.hint, hint)
  })
