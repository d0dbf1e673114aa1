import assert from 'node:assert/strict'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { after, test } from 'node:test'
import { hasProxy, openWayOut } from './way-out.ts'

const large = 'x'.repeat(8 * 1024 * 1024)
const there = createServer((asked, answer) =>
  answer.end(asked.url === '/large' ? large : `${asked.method} ${asked.url} ${String(asked.headers['x-more'])}`),
)
await new Promise<void>((resolve) => there.listen(0, '127.0.0.1', resolve))
const { port } = there.address() as AddressInfo
const names: Readonly<Record<string, readonly string[]>> = {
  'good.example.com': ['127.0.0.1'],
  'bad.example.com': ['127.0.0.1', '169.254.169.254'],
}
const open = () =>
  openWayOut((name, _, done) => {
    const found = (names[name] ?? []).map((address) => ({ address, family: 4 }))
    done(found.length > 0 ? null : Object.assign(new Error('no such host'), { code: 'ENOTFOUND' }), found)
  })
const way = await open()
after(async () => {
  await way.close()
  there.close()
})
const { hostname, port: at, username, password } = new URL(way.env['HTTP_PROXY'] ?? '')
const login = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

/** Asks as helm asks where there is no TLS. */
function plain(url: string, authorization = login): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'proxy-authorization': authorization, host: new URL(url).host, 'x-more': 'yes' }
    const sent = request({ host: hostname, port: at, path: url, headers, agent: false }, (answer) => {
      let text = `${answer.statusCode} `
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
      answer.on('end', () => resolve(text.trim()))
    })
    sent.on('error', reject).end()
  })
}

/** And where there is: its bytes go through as they are. */
function tunnelled(place: string, authorization = login, path = '/x'): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(at), hostname)
    socket.write(`CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nProxy-Authorization: ${authorization}\r\n\r\n`)
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      if (text === '') socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nX-More: yes\r\nConnection: close\r\n\r\n`)
      text += chunk.toString()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
}

test('what is not of the link goes through, with TLS and without', async () => {
  for (const host of ['good.example.com', '127.0.0.1']) {
    assert.equal(await plain(`http://${host}:${port}/x?y=1`), '200 GET /x?y=1 yes')
    assert.match(await tunnelled(`${host}:${port}`), /^HTTP\/1\.1 200 .*GET \/x yes/s)
  }
  assert.ok((await tunnelled(`127.0.0.1:${port}`, login, '/large')).endsWith(large), 'all of it')
  assert.ok((await plain(`http://127.0.0.1:${port}/large`)).endsWith(large))
  assert.equal(way.refused(), undefined)
})

test('nobody else may use it', async () => {
  for (const authorization of ['', 'Basic bWdvOg==', `${login}x`]) {
    assert.equal(await plain(`http://127.0.0.1:${port}/`, authorization), '407')
    assert.match(await tunnelled(`127.0.0.1:${port}`, authorization), /^HTTP\/1\.1 407 /)
  }
})

const bad = ['169.254.169.254', '2852039166', '[::ffff:169.254.169.254]', '[fe80::1]', 'bad.example.com']
for (const host of bad)
  test(`the machine's own link is refused, whatever it is called: ${host}`, async () => {
    assert.match(await plain(`http://${host}:${port}/`), /^(?:403|502)/)
    assert.match(await tunnelled(`${host}:${port}`), /^HTTP\/1\.1 (?:403|502) /)
    assert.match(way.refused() ?? '', /^169\.254\.169\.254$/)
  })

test('what is nowhere, or is no address, is an answer and no crash', async () => {
  for (const place of ['none.example.com:80', '127.0.0.1:1', 'x', '', '///', 'a b'])
    assert.match(await tunnelled(place), /^HTTP\/1\.1 [45]/, place)
  assert.match(await plain(`http://none.example.com:${port}/`), /^502/)
  const hasty = connect(Number(at), hostname)
  hasty.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nProxy-Authorization: ${login}\r\n\r\n`, () =>
    hasty.resetAndDestroy(),
  )
  hasty.on('error', () => undefined)
  await new Promise((resolve) => hasty.once('close', resolve))
  assert.equal(await plain(`http://127.0.0.1:${port}/`), '200 GET / yes')
})

test('it closes with whoever still uses it', async () => {
  const other = await open()
  const url = new URL(other.env['HTTPS_PROXY'] ?? '')
  const socket = connect(Number(url.port), url.hostname)
  await new Promise((resolve) => socket.once('connect', resolve))
  await other.close()
})

test('a proxy of the operator is seen in every spelling', () => {
  for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy'])
    assert.equal(hasProxy({ [name]: 'http://x' }), true)
  assert.equal(hasProxy({ HTTP_PROXY: '', NO_PROXY: 'x' }), false)
})
