/**
 * Whether a text may stand unquoted in YAML and is read back as that very text, by YAML 1.1 (helm, Kubernetes) and by 1.2.
 *
 * @module
 */

/** The letters of tags, digests and repositories. A colon inside is plain; at the end it would be a key. */
const plainLetters = /^[A-Za-z0-9_][A-Za-z0-9._/@:+-]*$/

/** What a plain scalar resolves to something else by: yaml.org/type of 1.1, and the core schema of 1.2. */
const resolved = [
  /^(?:null|Null|NULL)$/,
  /^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/,
  /^[0-9][0-9_]*$/,
  /^0[xX][0-9a-fA-F_]+$/,
  /^0[oO][0-7_]+$/,
  /^0[bB][01_]+$/,
  /^[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9_]+)?$/,
  // No number of any YAML, but some JavaScript readers take it for one.
  /^[eE][-+]?[0-9]+$/,
  /^[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/,
  /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt].*)?$/,
]

/** Whether a value may be written without quotes. */
export function isPlainText(value: string): boolean {
  return plainLetters.test(value) && !value.endsWith(':') && !resolved.some((rule) => rule.test(value))
}
