import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Image, parseImage, printImage } from './image.ts'

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`
const good: [text: string, want: Image, why: string][] = [
  ['nginx:1.27', { repository: 'nginx', tag: '1.27', digest: undefined }, 'the plain case'],
  [
    'localhost:5000/app:1.2',
    { repository: 'localhost:5000/app', tag: '1.2', digest: undefined },
    'a registry port is no tag',
  ],
  [
    'quay.io/a/b__c/d-e.f:v1',
    { repository: 'quay.io/a/b__c/d-e.f', tag: 'v1', digest: undefined },
    'separators inside a part',
  ],
  [`app@${digest}`, { repository: 'app', tag: undefined, digest }, 'a digest alone'],
  [`reg:5000/app:v1@${digest}`, { repository: 'reg:5000/app', tag: 'v1', digest }, 'port, tag and digest'],
  ['[::1]:5000/app:v1', { repository: '[::1]:5000/app', tag: 'v1', digest: undefined }, 'an IPv6 registry'],
]
for (const [text, want, why] of good) {
  test(`parseImage: ${why} (${text.slice(0, 40)})`, () => {
    assert.deepEqual(parseImage(text), { kind: 'ok', image: want })
    assert.equal(printImage(want), text)
  })
}

const bad: [text: string, why: string][] = [
  ['nginx', 'no tag means latest, and latest is not a version'],
  ['localhost:5000/app', 'a port is not a tag'],
  ['Acme/Shop:v1', 'upper case in the path; the first part is taken for a host, and Shop is none'],
  ['app:v1\nreplicas: 999', 'a newline'],
  ['app:', 'an empty tag'],
  [':v1', 'no repository'],
  ['app:-x', 'a tag may not begin with a dash'],
  ['app:{{ .Values.x }}', 'a template'],
  [`app:${'x'.repeat(129)}`, '129 characters of tag'],
  [`app@sha256:${'A'.repeat(64)}`, 'upper case in the digest'],
  ['--upload-pack=x:v1', 'an option'],
  ['a//b:v1', 'an empty part'],
  [`${'a/'.repeat(400)}b:v1`, 'too long'],
]
for (const [text, why] of bad) {
  test(`parseImage refuses: ${why}`, () => assert.equal(parseImage(text).kind, 'refused'))
}
