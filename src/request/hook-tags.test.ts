import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { judgeTag, patternProblem, policyProblem, type TagPolicy } from './hook-tags.ts'

const stable: TagPolicy = { kind: 'semver', range: '>=1.0.0 <2', prereleases: false }
const edge: TagPolicy = { kind: 'semver', range: '>=1.0.0-0', prereleases: true }
const main: TagPolicy = { kind: 'match', pattern: 'main-[0-9a-f]{7}' }
const build: TagPolicy = { kind: 'newest', pattern: 'main-(\\d+)' }
const dated: TagPolicy = { kind: 'newest', pattern: '(\\d{4}-\\d{2}-\\d{2})-[a-z]+' }

const cases: [tag: string, policy: TagPolicy, current: string[], want: 'deploy' | RegExp, why: string][] = [
  ['latest', { kind: 'any' }, [], 'deploy', 'any tag'],
  ['v1.2.3', stable, [], 'deploy', 'a version with a v'],
  ['1.2.3', stable, ['1.2.2'], 'deploy', 'forward'],
  ['1.2.3', stable, ['1.2.3'], 'deploy', 'the same again: its digest may be another'],
  ['1.2.3', stable, ['v1.3.0'], /older than v1\.3\.0/, 'a patch of an old line, pushed late'],
  ['1.2.3', stable, ['1.3.0@sha256:aa'], /older/, 'what is there is pinned'],
  ['1.2.3', stable, ['2.5.0'], 'deploy', 'what is there is outside of the range, so it says nothing'],
  ['1.2.3', stable, ['latest'], 'deploy', 'what is there is no version'],
  ['2.0.0', stable, [], /outside/, 'outside of the range'],
  ['1.3.0-rc.1', stable, [], /outside/, 'a pre-release is not asked for'],
  ['1.3.0-rc.1', edge, [], 'deploy', 'a pre-release is asked for'],
  ['1.2', stable, [], /no version/, 'two numbers are no version'],
  ['latest', stable, [], /no version/, 'a word is no version'],
  ['main-0a1b2c3', main, [], 'deploy', 'the pattern'],
  ['xmain-0a1b2c3', main, [], /does not match/, 'the pattern is the whole tag'],
  ['main-0a1b2c3-dirty', main, [], /does not match/, 'the pattern is the whole tag, at its end too'],
  ['main-10', build, ['main-9'], 'deploy', 'ten is more than nine'],
  ['main-9', build, ['main-10'], /older than main-10/, 'a late build'],
  ['main-9', build, ['v1'], 'deploy', 'what is there is of another kind'],
  ['dev-9', build, [], /does not match/, 'another branch'],
  ['main-99999999999999999999999', build, ['main-99999999999999999999998'], 'deploy', 'numbers of any length'],
  ['2026-11-23-a', dated, ['2026-11-22-b'], 'deploy', 'a date is a number'],
  ['2026-11-21-a', dated, ['2026-11-22-b'], /older/, 'an older date'],
]
for (const [tag, policy, current, want, why] of cases) {
  test(`judgeTag: ${why} (${tag})`, () => {
    const got = judgeTag(tag, policy, current)
    if (want === 'deploy') assert.deepEqual(got, { kind: 'deploy' })
    else assert.match(got.kind === 'ignored' ? got.why : '', want)
  })
}

const patterns: [pattern: string, want: RegExp | undefined, why: string][] = [
  ['main-[0-9a-f]{7}', undefined, 'a class and a count'],
  ['v\\d+\\.\\d+\\.\\d+', undefined, 'three numbers'],
  ['(?:main|dev)-(\\d+)', undefined, 'a choice that is not repeated'],
  ['[+*()]+', undefined, 'what stands in a class repeats nothing'],
  ['\\(a\\)+', undefined, 'an escaped bracket is no group'],
  ['(a+)+', /repeats a group/, 'the classic'],
  ['(a|a)*', /repeats a group/, 'a repeated choice'],
  ['[^](a+)+]', /repeats a group/, 'what looks like a class and is none: in JavaScript [^] is any character'],
  ['(?:ab){2,9}', /repeats a group/, 'counted, too'],
  ['(a)\\1', /refers back/, 'a back reference'],
  ['(?=a)a', /looks ahead/, 'a look ahead'],
  ['a*a*a*a*', /open repeats/, 'a polynomial'],
  ['(', /no regular expression/, 'not closed'],
  ['a'.repeat(201), /longer/, 'too long'],
]
for (const [pattern, want, why] of patterns) {
  test(`patternProblem: ${why} (${pattern.slice(0, 30)})`, () => {
    const got = patternProblem(pattern)
    if (want === undefined) assert.equal(got, undefined)
    else assert.match(got ?? '', want)
  })
}

test('a policy is looked at when the settings are read', () => {
  assert.match(policyProblem({ kind: 'semver', range: 'one', prereleases: false }) ?? '', /no range/)
  assert.match(policyProblem({ kind: 'newest', pattern: 'main-\\d+' }) ?? '', /exactly one group/)
  assert.match(policyProblem({ kind: 'newest', pattern: '(\\d+)-(\\d+)' }) ?? '', /exactly one group/)
  for (const policy of [stable, edge, main, build, dated]) assert.equal(policyProblem(policy), undefined)
})

test('a pattern that is not refused is fast on every tag', () => {
  const piece = fc.constantFrom('a', '.', '\\d', '[a-z]', '-', '*', '+', '(', ')', '|', '{2,}', '?', '\\w')
  const pattern = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''))
  fc.assert(
    fc.property(pattern, fc.constantFrom('a', '1', 'a1', '-a'), (text, unit) => {
      if (patternProblem(text) !== undefined) return
      const begun = process.cpuUsage().user
      judgeTag(`${unit.repeat(128).slice(0, 127)}!`, { kind: 'match', pattern: text }, [])
      assert.ok(process.cpuUsage().user - begun < 50_000, text)
    }),
    { numRuns: Number(process.env['MGO_FUZZ_RUNS'] ?? 2_000) },
  )
})
