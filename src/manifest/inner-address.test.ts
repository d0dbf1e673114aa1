import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLinkAddress } from './inner-address.ts'

const cases: [url: string, want: boolean, why: string][] = [
  ['http://169.254.169.254/latest/meta-data', true, 'where most clouds are'],
  ['oci://169.254.169.254/charts', true, 'by another protocol'],
  ['http://2852039166/', true, 'as one number'],
  ['http://0xA9FEA9FE/', true, 'as one number in base 16'],
  ['https://0251.0376.0251.0376/', true, 'in base 8'],
  ['http://[::ffff:169.254.169.254]/', true, 'as IPv6'],
  ['http://[fe80::1]/', true, 'the link of IPv6'],
  ['http://[fd00:ec2::254]/', true, 'the one of IPv6 at Amazon'],
  ['http://user@169.254.0.1:80/', true, 'behind a user'],
  ['https://169.254.example.com/', false, 'a name that begins like it'],
  ['https://charts.example.com/', false, 'a name'],
  ['http://10.0.0.1/', false, 'a private network: charts live there'],
  ['http://127.0.0.1:8080/', false, 'this machine'],
  ['charts/shop', false, 'a path'],
]
for (const [url, want, why] of cases)
  test(`isLinkAddress: ${why} (${url})`, () => assert.equal(isLinkAddress(url), want))
