import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Status, statusError } from './error.ts'

const template = `{"labels":{"job-name":"migrate"},"Spec":{${'"Volumes":null,'.repeat(200)}"a: b":1}}`
const immutable = 'field is immutable'

type Case = readonly [why: string, http: number, status: Status, code: string, says: string, hint: RegExp]

const cases: readonly Case[] = [
  [
    'a field that is wrong',
    422,
    { message: 'x is invalid: spec.a: bad' },
    'KUBE_REFUSED',
    'x is invalid: spec.a: bad',
    /mend the field/,
  ],
  [
    'a whole template is no help, the word behind it is',
    422,
    {
      message: `Job.batch "migrate" is invalid: spec.template: Invalid value: ${template}: ${immutable}`,
    },
    'KUBE_REFUSED',
    `Job.batch "migrate" is invalid: spec.template: Invalid value: ${template.slice(0, 20)}…: ${immutable}`,
    /delete the object/,
  ],
  [
    'every cause is told',
    422,
    {
      message: `x is invalid: [a: Invalid value: ${template}: one, b: Required value]`,
    },
    'KUBE_REFUSED',
    `x is invalid: [a: Invalid value: ${template.slice(0, 20)}…: one, b: Required value]`,
    /mend the field/,
  ],
  [
    'an unknown field is told as 500',
    500,
    {
      message:
        'failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema',
    },
    'KUBE_REFUSED',
    'failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema',
    /mend the field/,
  ],
  [
    'trouble of its own',
    500,
    { message: 'etcdserver: no leader' },
    'KUBE_FAILED',
    'etcdserver: no leader',
    /in trouble/,
  ],
  [
    'a webhook that is away is no trouble of the API server',
    500,
    { message: 'Internal error occurred: failed calling webhook "pods.guard.example": connection refused' },
    'KUBE_FAILED',
    'Internal error occurred: failed calling webhook "pods.guard.example": connection refused',
    /behind this webhook/,
  ],
  ['too many', 429, {}, 'KUBE_FAILED', 'HTTP 429', /in trouble/],
  ['a word of its own', 418, { message: 'tea' }, 'KUBE_REFUSED', 'tea', /own words/],
]

for (const [why, http, status, code, says, hint] of cases)
  test(`statusError: ${why}`, () => {
    const error = statusError('apply Job shop/migrate', http, status)
    assert.equal(error.code, code)
    assert.equal(error.message, `apply Job shop/migrate: ${says}`)
    assert.match(error.hint, hint)
  })
