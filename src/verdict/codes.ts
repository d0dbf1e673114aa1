/**
 * The closed list of causes. A code is a promise to people and scripts: its sentence may improve, its meaning may not.
 * docs/verdicts.md explains each; a test keeps the two equal.
 *
 * @module
 */

/** Every code that a release's verdict can carry, from the image to the cluster. */
export const verdictCodes = [
  'IMAGE_NOT_FOUND',
  'IMAGE_AUTH',
  'IMAGE_NAME',
  'IMAGE_PULL',
  'CREATE_ERROR',
  'SANDBOX',
  'EVICTED',
  'CRASH_LOOP',
  'OUT_OF_MEMORY',
  'LIVENESS',
  'STARTUP_PROBE',
  'START_ERROR',
  'INIT_CONTAINER',
  'READINESS',
  'READINESS_GATE',
  'CONFIG_MISSING',
  'QUOTA',
  'ADMISSION',
  'WEBHOOK',
  'SERVICE_ACCOUNT',
  'UNSCHEDULABLE',
  'SCHEDULING_GATED',
  'VOLUME',
  'STATEFULSET_STUCK',
  'JOB_FAILED',
  'LOAD_BALANCER',
  'CRD_NOT_SERVED',
  'CONDITION',
  'STALE_STATUS',
  'NO_CONTROLLER',
  'PAUSED',
  'SUPERSEDED',
  'DELETED',
  'TERMINATING',
  'REFUSED',
  'NEEDS',
] as const

export type VerdictCode = (typeof verdictCodes)[number]
