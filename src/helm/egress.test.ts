import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import { type AddressInfo, connect, createServer as createTcp, type Server, type Socket } from 'node:net'
import { after, test } from 'node:test'
import { openEgress } from './egress.ts'

const names: Readonly<Record<string, string>> = {
  'charts.example.com': '127.0.0.1',
  'metadata.example.com': '169.254.169.254',
  'mapped.example.com': '::ffff:169.254.169.254',
}
const looked: string[] = []
const lookup = async (name: string) => {
  looked.push(name)
  const address = /^[\d.]+$/.test(name) ? name : names[name]
  if (address === undefined) throw Object.assign(new Error('unknown'), { code: 'ENOTFOUND' })
  return [{ address, family: address.includes(':') ? 6 : 4 }]
}

const portOf = (server: Server) => (server.address() as AddressInfo).port
const listen = (server: Server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

const heard: IncomingHttpHeaders[] = []
const charts = createServer((asked, response) => {
  heard.push(asked.headers)
  if (asked.url === '/cut') return void response.write('half', () => response.destroy())
  response.writeHead(200, 'Fine').end(`${asked.method} ${asked.url}`)
})
const echo = createTcp((socket) => void socket.on('error', () => undefined).pipe(socket))
await Promise.all([charts, echo].map(listen))
const egress = await openEgress(lookup)
const way = new URL(egress.env['HTTPS_PROXY'] ?? '')
const password = `Basic ${Buffer.from(`${way.username}:${way.password}`).toString('base64')}`
after(() => {
  egress.close()
  charts.close()
  echo.close()
})

/** What the proxy answers to a request in the clear. */
function through(path: string, headers: Record<string, string> = {}): Promise<string> {
  const whole = { 'proxy-authorization': password, ...headers }
  return new Promise((resolve, reject) => {
    const asked = request({ host: way.hostname, port: way.port, path, headers: whole, agent: false }, (answer) => {
      let text = ''
      answer.on('data', (part) => (text += part))
      answer.on('error', reject)
      answer.on('end', () => resolve(`${answer.statusCode} ${answer.statusMessage} ${text}`.trim()))
    })
    asked.on('error', reject).end()
  })
}

/** The answer to CONNECT, and the socket. */
async function tunnel(to: string, secret = password): Promise<{ readonly says: string; readonly socket: Socket }> {
  const socket = connect(Number(way.port), way.hostname).on('error', () => undefined)
  socket.write(`CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\nProxy-Authorization: ${secret}\r\n\r\n`)
  const says = await new Promise<string>((resolve) => {
    socket.once('data', (bytes) => resolve(String(bytes).split('\r\n')[0] ?? ''))
    socket.once('close', () => resolve('closed'))
  })
  return { says, socket }
}

test('a request in the clear goes to the address that was looked at, with its own login and without the password of the way', async () => {
  const got = await through(`http://charts.example.com:${portOf(charts)}/charts/index.yaml?a=b`, { authorization: 'x' })
  assert.equal(got, '200 Fine GET /charts/index.yaml?a=b')
  assert.equal(heard.at(-1)?.authorization, 'x')
  assert.equal(heard.at(-1)?.['proxy-authorization'], undefined)
  assert.equal(heard.at(-1)?.host, `charts.example.com:${portOf(charts)}`)
  assert.deepEqual(looked.splice(0), ['charts.example.com'])
})

test('a tunnel carries what is encrypted, both ways, to its end', async () => {
  const { says, socket } = await tunnel(`charts.example.com:${portOf(echo)}`)
  assert.equal(says, 'HTTP/1.1 200 Connection established')
  const back = new Promise((resolve) => socket.once('data', (bytes) => resolve(String(bytes))))
  socket.write('hello')
  assert.equal(await back, 'hello')
  socket.end()
  await new Promise((resolve) => socket.once('close', resolve))
  assert.deepEqual(looked.splice(0), ['charts.example.com'])
})

test('without the password nobody is served', async () => {
  assert.match(await through('http://charts.example.com/', { 'proxy-authorization': 'Basic eA==' }), /^407/)
  assert.match((await tunnel(`charts.example.com:${portOf(echo)}`, 'Basic eA==')).says, /407/)
  assert.deepEqual(looked, [])
})

test('S22: the machine’s own link is refused, by name and by address, and why is known', async () => {
  assert.equal(egress.refused(), undefined)
  assert.equal((await tunnel('metadata.example.com:443')).says, 'HTTP/1.1 403 Forbidden by mgo')
  for (const host of ['mapped.example.com', '169.254.169.254', '[::ffff:a9fe:a9fe]', '0xa9fea9fe'])
    assert.match(await through(`http://${host}/latest/meta-data/`), /^403 Forbidden by mgo$|^502/, host)
  assert.match(egress.refused()?.message ?? '', /metadata\.example\.com \(169\.254\.169\.254\)/)
})

test('who cannot be reached is told in words that helm’s errors are known by', async () => {
  assert.equal(await through('http://nowhere.example.com/'), '502 no such host')
  assert.equal((await tunnel('nowhere.example.com:443')).says, 'HTTP/1.1 502 no such host')
  assert.equal((await tunnel('charts.example.com:1')).says, 'HTTP/1.1 502 connection refused')
  assert.equal(await through('http://charts.example.com:1/'), '502 connection refused')
})

test('what is no address, and a server that breaks off, end that call and no other', async () => {
  for (const path of ['/local', 'nothing', 'ftp://charts.example.com:1/'])
    assert.match(await through(path), /^(?:400|502)/, path)
  assert.match((await tunnel(':::')).says, /502/)
  assert.match((await tunnel('charts.example.com:99999')).says, /502/)
  await assert.rejects(through(`http://charts.example.com:${portOf(charts)}/cut`))
  assert.match(await through(`http://charts.example.com:${portOf(charts)}/`), /^200/)
})

test('closed, it lets go of what still goes through', async () => {
  const other = await openEgress(lookup)
  const { port, username, password: secret } = new URL(other.env['HTTP_PROXY'] ?? '')
  const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined)
  const login = Buffer.from(`${username}:${secret}`).toString('base64')
  socket.write(`CONNECT charts.example.com:${portOf(echo)} HTTP/1.1\r\nProxy-Authorization: Basic ${login}\r\n\r\n`)
  await new Promise((resolve) => socket.once('data', resolve))
  const closed = new Promise((resolve) => socket.once('close', resolve))
  other.close()
  await closed
})
