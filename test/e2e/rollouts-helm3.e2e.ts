/**
 * The rollouts of test/rollouts through a chart with helm 3.
 *
 * @module
 */
import { holdRollouts } from '../rollouts/hold.ts'
import { chartNames } from '../rollouts/rollout.ts'

holdRollouts({ road: 'helm3', names: chartNames() })
