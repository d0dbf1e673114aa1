/**
 * `npm run rollouts -- [NAME …]`: plays rollouts on a rig of its own and prints what mgo said of each.
 *
 * @module
 */
import { parseArgs } from 'node:util'
import { startPuppetRig } from '../puppet/rig.ts'
import { busy } from './busy.ts'
import { isRight, playAll, show } from './crowd.ts'
import { type RoadName, roadNames } from './road.ts'
import { rolloutNames } from './rollout.ts'

const usage = `usage: npm run rollouts -- [NAME …] [options]
  NAME              rollouts, or the beginning of their names (default: all)
  --road LIST       raw,helm3,helm4 (default: raw)
  --width N         cases at once (default: 4)
  --times N         play everything so many times (default: 1)
  --slack N         how many times its \`within_s\` an answer may take (default: 1; with --busy or --cut: 3)
  --busy            keep every core of the machine busy meanwhile
  --cut             reset mgo's connections to the API server at random moments
  --folder DIR      other files of the same kind
  --say             print every sentence, not only of what is wrong`

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    road: { type: 'string', default: 'raw' },
    width: { type: 'string', default: '4' },
    times: { type: 'string', default: '1' },
    slack: { type: 'string' },
    busy: { type: 'boolean', default: false },
    cut: { type: 'boolean', default: false },
    folder: { type: 'string' },
    say: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

async function main(): Promise<number> {
  const roads = values.road.split(',').filter((one): one is RoadName => roadNames.some((name) => name === one))
  const names = rolloutNames(values.folder).filter(
    (name) => positionals.length === 0 || positionals.some((one) => name.startsWith(one)),
  )
  if (values.help || names.length === 0 || roads.length === 0) {
    console.error(usage)
    return 2
  }
  const once = roads.flatMap((road) => names.map((name) => ({ name, road })))
  const cases = Array.from({ length: Number(values.times) }, () => once.map((one) => ({ ...one }))).flat()
  const rig = await startPuppetRig({ name: 'rollouts', say: (line) => console.error(line) })
  const rest = values.busy ? busy() : undefined
  try {
    const slack = values.slack ?? (values.busy || values.cut ? '3' : '1')
    const played = await playAll(cases, {
      rig,
      folder: values.folder,
      cut: values.cut,
      slack: Number(slack),
      width: Number(values.width),
      told: (one) => console.log(show(one) + (values.say && isRight(one) ? `\n        ${one.said.sentence}` : '')),
    })
    const right = played.filter(isRight).length
    const green = played.filter(({ judged }) => judged.green).length
    console.log(`${right} of ${played.length} right, ${green} false green`)
    return right === played.length ? 0 : 1
  } finally {
    rest?.()
    await rig.stop()
  }
}

process.exitCode = await main()
