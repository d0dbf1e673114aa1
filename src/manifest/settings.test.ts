import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSettings } from './settings.ts'

function read(text: string): string {
  const parsed = parseSettings(new TextEncoder().encode(text))
  if (parsed.kind === 'ok') return JSON.stringify([...parsed.settings.clusters])
  return parsed.problems.map(({ message, at }) => `${at?.line ?? 0}:${at?.column ?? 0} ${message}`).join('; ')
}

const rows: readonly [why: string, text: string, want: string][] = [
  ['nothing is all defaults', '', '[]'],
  [
    'a cluster without a word is its own context',
    'clusters:\n  prod: {}\n',
    '[["prod",{"context":"prod","engine":"helm","freeze":false}]]',
  ],
  [
    'a version to render for',
    'clusters:\n  prod: { engine: render, kubeVersion: "1.33" }\n',
    '[["prod",{"context":"prod","engine":"render","freeze":false,"kubeVersion":"1.33"}]]',
  ],
  [
    'a version that is none',
    'clusters:\n  prod:\n    kubeVersion: latest\n',
    '3:18 "latest" is no version of Kubernetes',
  ],
  ['an engine that is none', 'clusters:\n  prod: { engine: argo }\n', '2:19 "argo" is no engine'],
  ['freeze is a switch', 'clusters:\n  prod: { freeze: sometimes }\n', '2:19 freeze must be true or false'],
  [
    'every problem at once, each with its place',
    'clusters:\n  prod: { engin: helm, freeze: 1 }\nhelms: {}\n',
    '3:1 unknown key "helms" in mygitops.yaml; 2:11 unknown key "engin" in prod; 2:32 freeze must be true or false',
  ],
  [
    'the credentials of the machine are no charts',
    'helm:\n  repositories:\n  - { name: a, url: "http://169.254.169.254/latest" }\n',
    '3:21 no charts are at this address, but the credentials of the machine',
  ],
  [
    'nor are they a chat',
    'notification:\n  slack: { webhookurl: "http://2852039166/x", channel: "#a" }\n',
    '2:24 webhookurl is not a URL',
  ],
  [
    's3 is refused for now',
    'helm:\n  repositories:\n  - { name: a, url: "s3://charts" }\n',
    '3:21 helm repositories of the kind s3:// are not supported yet',
  ],
]
for (const [why, text, want] of rows) test(`parseSettings: ${why}`, () => assert.equal(read(text), want))
