/**
 * The rollouts of test/rollouts through a chart with helm 4.
 *
 * @module
 */
import { holdRollouts } from '../rollouts/hold.ts'
import { chartNames } from '../rollouts/rollout.ts'

holdRollouts({ road: 'helm4', names: chartNames() })
