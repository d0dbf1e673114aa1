import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refuseLinkName } from './link-name.ts'

const names: Readonly<Record<string, readonly string[]>> = {
  'metadata.google.internal': ['169.254.169.254'],
  'half.example.com': ['192.0.2.1', '169.254.169.254'],
  'six.example.com': ['fe80::1'],
  'mapped.example.com': ['::ffff:169.254.169.254'],
  'amazon.example.com': ['fd00:ec2::254'],
  'charts.example.com': ['192.0.2.1', '2001:db8::1'],
  'inside.example.com': ['10.0.0.7', 'fd00::7'],
}
const lookup = async (name: string) => {
  const found = names[name]
  if (found === undefined) throw new Error('ENOTFOUND')
  return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
}

for (const url of [
  'http://metadata.google.internal/computeMetadata/',
  'oci://half.example.com/team/shop',
  'https://SIX.example.com:8443/',
  'https://mapped.example.com',
  'https://amazon.example.com',
])
  test(`a name that leads to the machine's own link is refused: ${url}`, () =>
    assert.rejects(refuseLinkName(url, lookup), { code: 'CHART_UNAVAILABLE', message: /the machine's own link/ }))

for (const url of ['https://charts.example.com', 'oci://inside.example.com/x', 'https://unknown.example.com', 'no url'])
  test(`left to helm: ${url}`, () => refuseLinkName(url, lookup))

test('loopback and what the machine itself resolves are called', () => refuseLinkName('http://localhost:8080'))
