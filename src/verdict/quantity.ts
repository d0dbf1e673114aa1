/**
 * Kubernetes' quantities, for comparison.
 *
 * @module
 */
const steps = ['', 'k', 'm', 'g', 't', 'p', 'e']
/** Parts of one, as of a processor. */
const parts: Readonly<Record<string, number>> = { n: 1e9, u: 1e6, m: 1e3 }

/**
 * The number that a quantity stands for; NaN for what is none.
 *
 * @example amountOf('1Gi') // 1073741824
 * @example amountOf('250m') // 0.25
 */
export function amountOf(quantity: string): number {
  const found = /^(\d+(?:\.\d*)?)(?:e(\d+)|([numkKMGTPE])(i?))?$/.exec(quantity.trim())
  if (found === null) return Number.NaN
  const [, number = '', exponent, unit = '', binary = ''] = found
  if (exponent !== undefined) return Number(number) * 10 ** Number(exponent)
  const part = parts[unit]
  if (part !== undefined) return binary === '' ? Number(number) / part : Number.NaN
  return Number(number) * (binary === 'i' ? 1024 : 1000) ** steps.indexOf(unit.toLowerCase())
}
