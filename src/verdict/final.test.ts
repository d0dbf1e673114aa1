import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFinal } from './final.ts'

const cases: readonly [message: string, want: boolean][] = [
  ['googleapi: Error 403: Quota IN_USE_ADDRESSES exceeded. Limit: 8.0 in region', true],
  ['rpc error: code = ResourceExhausted desc = out of space in pool a', true],
  ['rpc error: code = OutOfRange desc = requested size is out of range', true],
  ['VolumeLimitExceeded: You have exceeded your maximum gp3 storage limit', true],
  ['AccessDenied: not authorized to perform elasticloadbalancing:CreateLoadBalancer', true],
  ['Failed to allocate IP for "shop/web": no available IPs', true],
  ['rpc error: code = DeadlineExceeded desc = context deadline exceeded', false],
  ['Throttling: Rate exceeded', false],
  ["Quota exceeded for quota metric 'Queries', rateLimitExceeded", false],
  ['rpc error: code = Unavailable desc = connection refused', false],
  ['rpc error: code = Aborted desc = an operation with the given volume is in progress', false],
  ['There are no available nodes for LoadBalancer', false],
  ['waiting for the cloud', false],
]
for (const [message, want] of cases) test(`isFinal: ${want} (${message})`, () => assert.equal(isFinal(message), want))
