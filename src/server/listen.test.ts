import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Names, keepOut } from './guard.ts'
import { exposure, listenedAt, parseListen } from './listen.ts'

const addresses: [text: string, want: string | undefined, why: string][] = [
  ['127.0.0.1:8080', '127.0.0.1 8080', 'the plain case'],
  ['[::1]:80', '::1 80', 'IPv6'],
  [':8443', ':: 8443', 'no host is every address'],
  ['localhost:0', 'localhost 0', 'any free port'],
  ['127.0.0.1', undefined, 'no port'],
  ['127.0.0.1:99999', undefined, 'no such port'],
  ['::1:80', undefined, 'IPv6 without brackets could be anything'],
]
for (const [text, want, why] of addresses) {
  test(`parseListen: ${why} (${text})`, () => {
    if (want === undefined) return assert.throws(() => parseListen(text), { code: 'CONFIG_INVALID' })
    const { host, port } = parseListen(text)
    return assert.equal(`${host} ${port}`, want)
  })
}

const listened: [listen: string, url: string, want: string, why: string][] = [
  ['0.0.0.0:8080', 'http://127.0.0.1:8080', 'http://0.0.0.0:8080', 'every address of IPv4'],
  [':8080', 'http://[::1]:8080', 'http://[::]:8080', 'every address'],
  [':443', 'https://127.0.0.1:443', 'https://[::]', 'a port that goes without saying'],
  ['127.0.0.1:0', 'http://127.0.0.1:41', 'http://127.0.0.1:41', 'the port that was free'],
]
for (const [listen, url, want, why] of listened) {
  test(`listenedAt: ${why} (${listen})`, () => assert.equal(listenedAt(url, parseListen(listen)), want))
}

type Case = [listen: string, url: string | undefined, flags: string, want: 'serves' | 'warns' | 'refuses', why: string]
const cases: Case[] = [
  ['127.0.0.1:1', undefined, '', 'serves', 'loopback asks nobody'],
  ['[::1]:1', undefined, '', 'serves', 'so does the other loopback'],
  ['0.0.0.0:1', undefined, '', 'refuses', 'every address without identities'],
  [':1', undefined, '', 'refuses', 'every address without a host'],
  ['10.0.0.1:1', undefined, '', 'refuses', 'another address'],
  ['127.0.0.1.evil.com:1', undefined, '', 'refuses', 'a name that begins like loopback'],
  ['127.0.0.1:1', 'https://mgo.example.com', '', 'refuses', 'a proxy in front brings everybody to loopback'],
  ['0.0.0.0:1', undefined, 'identities', 'serves', 'identities'],
  ['127.0.0.1:1', 'https://mgo.example.com', 'identities', 'serves', 'identities behind a proxy'],
  ['0.0.0.0:1', undefined, 'hooks', 'serves', 'hooks alone: registries prove who they are, and nobody else gets in'],
  ['127.0.0.1:1', undefined, 'hooks', 'serves', 'hooks on loopback'],
  ['0.0.0.0:1', undefined, 'open', 'warns', 'a trial'],
  ['127.0.0.1:1', undefined, 'open', 'warns', 'a trial that needs none'],
  ['0.0.0.0:1', undefined, 'identities open', 'refuses', 'both at once is a mistake'],
]
for (const [listen, url, flags, want, why] of cases) {
  test(`exposure: ${why}`, () => {
    const look = () =>
      exposure({
        listen: parseListen(listen),
        url,
        identities: flags.includes('identities') ? 'needed' : flags.includes('hooks') ? 'hooks' : 'none',
        insecureOpen: flags.includes('open'),
      })
    if (want === 'refuses') return assert.throws(look, { code: 'CONFIG_INVALID' })
    assert.equal(look().warning !== undefined, want === 'warns')
    return assert.equal(look().asks, flags === 'identities' || (flags === 'hooks' && listen.startsWith('0.')))
  })
}

const named: Names = { alsoHost: 'mgo.example.com' }
const visits: [
  names: Names,
  host: string | undefined,
  headers: Readonly<Record<string, string>>,
  want: boolean,
  why: string,
][] = [
  ['loopback', '127.0.0.1:8080', {}, true, 'loopback by its address'],
  ['loopback', 'localhost', {}, true, 'loopback by its name'],
  ['loopback', undefined, {}, true, 'HTTP/1.0'],
  ['loopback', 'evil.example.com', {}, false, 'a name that somebody points here'],
  ['loopback', 'localhost.evil.com', {}, false, 'a name that begins like ours'],
  ['loopback', '127.0.0.1:8080', { origin: 'https://evil.example.com' }, false, 'a page from elsewhere'],
  ['loopback', '127.0.0.1:8080', { origin: 'null' }, false, 'a sandboxed page'],
  ['loopback', '127.0.0.1:8080', { origin: 'http://127.0.0.1:9090' }, false, 'a page of another port'],
  ['loopback', '127.0.0.1:8080', { origin: 'http://127.0.0.1:8080' }, true, 'a page of ours'],
  ['loopback', '127.0.0.1:8080', { 'sec-fetch-site': 'cross-site' }, false, 'a form without an Origin'],
  [named, 'mgo.example.com', {}, true, 'the name of the settings'],
  [named, 'MGO.example.com', {}, true, 'names have no case'],
  [named, '127.0.0.1:8080', {}, true, 'loopback, for health checks'],
  [named, 'other.example.com', {}, false, 'another name'],
  [named, 'mgo.example.com', { origin: 'https://evil.example.com' }, false, 'a page from elsewhere'],
  ['any', 'whatever:1', {}, true, 'a server that knows no name of its own'],
  ['any', 'whatever:1', { origin: 'https://evil.example.com' }, false, 'but no page from elsewhere'],
]
for (const [names, host, headers, want, why] of visits) {
  test(`keepOut ${want ? 'lets in' : 'keeps out'} ${why}`, () => {
    const look = () => keepOut(host, headers, names)
    if (want) return assert.doesNotThrow(look)
    return assert.throws(look, { code: 'FORBIDDEN' })
  })
}
