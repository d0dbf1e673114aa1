/**
 * Kubernetes' quantities of bytes, for comparison.
 *
 * @module
 */
const steps = ['', 'k', 'm', 'g', 't', 'p', 'e']

/**
 * Bytes of a quantity; NaN for what is none.
 *
 * @example bytesOf('1Gi') // 1073741824
 */
export function bytesOf(quantity: string): number {
  const parts = /^(\d+(?:\.\d*)?)(?:e(\d+)|([kKMGTPE])(i?))?$/.exec(quantity.trim())
  if (parts === null) return Number.NaN
  const [, number = '', exponent, unit = '', binary = ''] = parts
  if (exponent !== undefined) return Number(number) * 10 ** Number(exponent)
  return Number(number) * (binary === 'i' ? 1024 : 1000) ** steps.indexOf(unit.toLowerCase())
}
