/**
 * Who may import whom (ARCHITECTURE.md), and which outside library has its door where. A rule that nobody checks does not
 * exist.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')
const src = join(root, 'src')

type Layer = 'base' | 'rules' | 'stories' | 'edges' | 'doors' | 'main'
const rules = ['access', 'request', 'manifest', 'plan', 'verdict', 'event']
const edges = ['git', 'helm', 'kube', 'apply', 'journal', 'notify', 'config', 'registry', 'log', 'metrics', 'trace']
const base = new Set(['release', 'error.ts', 'ports.ts', 'kube-port.ts', 'secrets.ts', 'text.ts'])

function layerOf(folder: string): Layer {
  if (base.has(folder)) return 'base'
  if (rules.includes(folder)) return 'rules'
  if (folder === 'deploy') return 'stories'
  if (edges.includes(folder)) return 'edges'
  if (folder === 'cli' || folder === 'server') return 'doors'
  return 'main'
}

/** Why `from` may not import `to`, or `undefined`. `typeOnly` imports of ports.ts are free for all: they are shapes. */
function forbidden(from: string, to: string): string | undefined {
  const [a, b] = [layerOf(from), layerOf(to)]
  if (from === to || a === 'main' || b === 'base') return undefined
  if (to === 'exec.ts') return a === 'edges' ? undefined : 'only edges run programs'
  if (a === 'base') return from === 'ports.ts' && b === 'rules' ? undefined : 'base imports nothing of ours'
  if (a === 'rules')
    return b === 'rules' && rules.indexOf(to) < rules.indexOf(from)
      ? undefined
      : 'a rule imports base and the rules to its left'
  if (b === 'rules') return undefined
  if (a === 'stories') return 'a story imports rules and base; the world comes in as an argument'
  if (a === 'edges') return 'an edge imports rules and base, never a story, never another edge'
  return b === 'stories' || b === 'doors' ? undefined : 'a door imports stories, rules and base'
}

/** Which folders may import an outside library. */
const doorsOf: Readonly<Record<string, readonly string[]>> = {
  yaml: ['manifest', 'config'],
  zod: ['request', 'manifest', 'config', 'server'],
  undici: ['kube', 'notify', 'git', 'trace', 'config', 'registry'],
  jose: ['server'],
  fastify: ['server'],
  '@commander-js/extra-typings': ['cli'],
  diff: ['plan', 'deploy'],
  semver: ['manifest', 'helm', 'request'],
  pino: ['log'],
  '@prometheus-io/client': ['metrics'],
}

const files = globSync('**/*.ts', { cwd: src }).filter((file) => !file.endsWith('.test.ts'))
const imports = files.flatMap((file) => {
  const text = readFileSync(join(src, file), 'utf8')
  return [...text.matchAll(/^\s*(?:import|export)\s[^'"]*?from\s+'([^']+)'|import\('([^']+)'\)/gm)].map((match) => ({
    file,
    to: match[1] ?? match[2] ?? '',
  }))
})

test('every import points the right way', () => {
  const wrong = imports.flatMap(({ file, to }) => {
    if (!to.startsWith('.')) return []
    const target = relative(src, join(src, dirname(file), to))
    const why = forbidden(file.split('/')[0] ?? '', target.split('/')[0] ?? '')
    return why === undefined ? [] : [`${file} → ${target}: ${why}`]
  })
  assert.deepEqual(wrong, [])
})

/** The first round trip from a file back to itself, or `undefined`. */
function circle(arrows: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>()
  const from = (file: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file)) return undefined
    for (const to of arrows.get(file) ?? []) {
      const found = from(to, [...path, file])
      if (found !== undefined) return found
    }
    done.add(file)
    return undefined
  }
  return [...arrows.keys()].map((file) => from(file, [])).find((found) => found !== undefined)
}

test('no import leads back to its own file, not even for a type', () => {
  const near = imports.filter(({ to }) => to.startsWith('.'))
  const arrows = Map.groupBy(near, ({ file }) => file)
  const targets = [...arrows].map(
    ([file, list]) => [file, list.map(({ to }) => relative(src, join(src, dirname(file), to)))] as const,
  )
  assert.equal(circle(new Map(targets)), undefined)
  assert.deepEqual(
    circle(
      new Map([
        ['a', ['b']],
        ['b', ['c']],
        ['c', ['b']],
      ]),
    ),
    ['b', 'c', 'b'],
  )
})

test('outside libraries have one door each', () => {
  const wrong = imports.flatMap(({ file, to }) => {
    if (to.startsWith('.') || to.startsWith('node:')) return []
    return (doorsOf[to] ?? []).includes(file.split('/')[0] ?? '') ? [] : [`${file} → ${to}`]
  })
  assert.deepEqual(wrong, [])
})

test('what every command loads holds no library that only some need', () => {
  const loaded = new Set(['main.ts'])
  const textOf = (name: string) => (name.endsWith('.ts') ? readFileSync(join(src, name), 'utf8') : '')
  for (const file of loaded)
    for (const [, to = ''] of textOf(file).matchAll(/^\s*(?:import|export)\s(?!type\b)[^'"]*?from\s+'([^']+)'/gm))
      loaded.add(to.startsWith('.') ? relative(src, join(src, dirname(file), to)) : to)
  assert.ok(loaded.size > 100, 'the imports are found')
  assert.deepEqual(
    ['undici', 'zod', 'fastify', 'jose', 'pino', '@prometheus-io/client'].filter((one) => loaded.has(one)),
    [],
  )
})

test('base, rules and stories have no clock, no chance, no environment and no node:*', () => {
  const pure = new Set<Layer>(['base', 'rules', 'stories'])
  const impure = /from 'node:|\bprocess\.|\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bsetTimeout\(|\bperformance\./
  const wrong = files
    .filter((file) => pure.has(layerOf(file.split('/')[0] ?? '')))
    .flatMap((file) =>
      readFileSync(join(src, file), 'utf8')
        .split('\n')
        .flatMap((line, i) =>
          impure.test(line) && !/^\s*(?:\/?\*|\/\/)/.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [],
        ),
    )
  assert.deepEqual(wrong, [])
})

test('programs are run in exec.ts alone', () => {
  assert.deepEqual(
    imports
      .filter(({ to }) => to === 'node:child_process')
      .map(({ file }) => file)
      .filter((file) => file !== 'exec.ts' && file !== 'git/objects.ts'),
    [],
  )
})

test('no folder is deeper than two, and none is a drawer', () => {
  assert.deepEqual(
    files.filter((file) => file.split('/').length > 2),
    [],
  )
  assert.deepEqual(
    files.filter((file) => /(?:^|\/)(?:utils|helpers|common|services|managers|types|index)(?:\/|\.ts$)/.test(file)),
    [],
  )
})
