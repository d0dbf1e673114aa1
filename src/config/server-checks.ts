/**
 * What no single key of mgo.server.yaml shows: names that lead nowhere, doors without anybody behind them.
 *
 * @module
 */
import type { Rule } from '../access/policy.ts'
import type { Problem } from '../error.ts'
import { didYouMean } from '../manifest/nearest.ts'
import { hookTroubles } from './hooks.ts'
import type { ServerShape } from './server-shape.ts'
import { settingsWarnings } from './server-warnings.ts'
import { type Judged, problemAt } from './shape-problems.ts'

export type Checked = { readonly problems: readonly Problem[]; readonly warnings: readonly string[] }

type File = Pick<Judged, 'source' | 'doc'>

/** Checks the parts against each other. */
export function checkSettings(shape: ServerShape, file: File): Checked {
  const policy = shape.policy ?? []
  const problems = [
    ...issuerProblems(shape, file),
    ...policy.flatMap((rule, i) => ruleProblems(rule, i, { shape, file })),
    ...nobodyProblems(shape, file),
    ...hookTroubles(shape.hooks).map(({ hook, message, hint }) => problemAt(file, ['hooks', hook], [message, hint])),
  ]
  return { problems, warnings: settingsWarnings(shape) }
}

function issuerProblems({ identities, url }: ServerShape, file: File): readonly Problem[] {
  const seen = new Map<string, string>()
  return Object.entries(identities?.issuers ?? {}).flatMap(([name, { issuer, audience }]) => {
    const path = ['identities', 'issuers', name]
    const other = seen.get(issuer)
    seen.set(issuer, name)
    return [
      ...(audience === undefined && url === undefined
        ? [
            problemAt(file, path, [
              `the issuer ${name} has no audience`,
              'Write audience: …, or url: … at the top. Without it a token that is meant for somebody else would do.',
            ]),
          ]
        : []),
      ...(other === undefined
        ? []
        : [problemAt(file, path, [`the issuers ${other} and ${name} are the same`, 'Keep one of them.'])]),
    ]
  })
}

type Around = { readonly shape: ServerShape; readonly file: File }

function ruleProblems({ name, who }: Rule, i: number, { shape, file }: Around): readonly Problem[] {
  const { identities, policy = [] } = shape
  const problems: Problem[] = []
  const issuers = Object.keys(identities?.issuers ?? {})
  if ('issuer' in who && !issuers.includes(who.issuer))
    problems.push(
      problemAt(
        file,
        ['policy', i, 'who', 'issuer'],
        [
          `the rule "${name}" names the issuer "${who.issuer}", which identities.issuers does not have`,
          didYouMean(who.issuer, issuers),
        ],
      ),
    )
  if ('token' in who && identities?.tokens === undefined)
    problems.push(
      problemAt(
        file,
        ['policy', i, 'who'],
        [`the rule "${name}" is for a token, and no tokens are taken`, 'Write tokens: true below identities.'],
      ),
    )
  if (policy.findIndex((one) => one.name === name) < i)
    problems.push(
      problemAt(
        file,
        ['policy', i, 'name'],
        [`two rules are called "${name}"`, 'Give each rule a name of its own: audit and answers name it.'],
      ),
    )
  return problems
}

function nobodyProblems({ identities, policy = [] }: ServerShape, file: File): readonly Problem[] {
  if (identities === undefined)
    return policy.every(({ who }) => 'hook' in who)
      ? []
      : [
          problemAt(
            file,
            ['policy'],
            ['there is a policy, and nobody can prove who they are', 'Add identities: with tokens or issuers.'],
          ),
        ]
  if (identities.tokens !== undefined || (policy.length > 0 && Object.keys(identities.issuers).length > 0)) return []
  return [
    problemAt(
      file,
      ['identities'],
      ['with these identities nobody may do anything', 'Add tokens: true, or issuers and a policy that names them.'],
    ),
  ]
}
