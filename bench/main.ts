/**
 * `npm run bench -- P1 [--small]`: one measurement of shared terms, as a plain program. Each lies in a file of its own
 * (`bench/p1.ts` …) and exports `run`; what it gives is printed as JSON with versions, load and every sample.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { surroundings } from './measure.ts'

const [name = '', ...args] = process.argv.slice(2)
const file = join(import.meta.dirname, `${name.toLowerCase()}.ts`)
if (!/^[A-Za-z]+[0-9]*$/.test(name) || !existsSync(file)) {
  console.error(`usage: npm run bench -- P1 [arguments]; there is no bench/${name.toLowerCase()}.ts`)
  process.exit(2)
}
const { run } = (await import(file)) as { run: (args: readonly string[]) => Promise<unknown> }
const before = await surroundings()
const result = await run(args)
console.log(JSON.stringify({ bench: name, before, result, after: await surroundings() }, undefined, 2))
process.exit(0)
