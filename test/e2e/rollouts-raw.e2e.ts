/**
 * Every rollout of test/rollouts through raw files, some of them once more while connections break.
 *
 * @module
 */
import { holdRollouts } from '../rollouts/hold.ts'
import { rolloutNames } from '../rollouts/rollout.ts'

holdRollouts({
  road: 'raw',
  names: rolloutNames(),
  cut: [
    'flapping-for-ever',
    'image-tag-missing',
    'job-deadline',
    'one-restart-recovers',
    'paused-midway',
    'superseded-midway',
  ],
})
