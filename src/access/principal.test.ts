import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isByNameOnly, pinsOwner, type ClaimPatterns } from './claims.ts'
import { type Principal, authorOf, namePrincipal } from './principal.ts'

const github: Principal = {
  kind: 'job',
  issuer: 'github',
  claims: {
    iss: 'https://token.actions.githubusercontent.com',
    sub: 'repo:acme/web:ref:refs/heads/main',
    actor: 'ada[bot]',
    actor_id: '7',
  },
}
const cases: [who: Principal, name: string, author: string, why: string][] = [
  [{ kind: 'token', name: 'ci', scopes: [] }, 'token ci', 'ci', 'a token'],
  [{ kind: 'token', name: 'ci', scopes: [], author: 'Ada <a@x>' }, 'token ci', 'Ada <a@x>', 'a token of somebody'],
  [{ kind: 'hook', id: 'hub-1' }, 'hook hub-1', 'hub-1', 'a hook'],
  [
    github,
    'oidc https://token.actions.githubusercontent.com repo:acme/web:ref:refs/heads/main',
    'ada[bot] <7+ada[bot]@users.noreply.github.com>',
    'GitHub',
  ],
  [
    {
      kind: 'job',
      issuer: 'gl',
      claims: { iss: 'https://gl.x', sub: 'project_path:a/b', user_login: 'ada', user_email: 'ada@x.y' },
    },
    'oidc https://gl.x project_path:a/b',
    'ada <ada@x.y>',
    'GitLab',
  ],
  [
    { kind: 'job', issuer: 'x', claims: { iss: 'https://x', sub: 'a\nMgo-Request: 1 <b>', actor: 'E\nve' } },
    'oidc https://x a_Mgo-Request:_1__b_',
    'a_Mgo-Request:_1__b_',
    'claims that would be lines',
  ],
]
for (const [who, name, author, why] of cases) {
  test(`a principal’s name and author: ${why}`, () => {
    assert.equal(namePrincipal(who), name)
    assert.equal(authorOf(who), author)
  })
}

const pinned: [claims: ClaimPatterns, pins: boolean, byName: boolean, why: string][] = [
  [{ repository_id: ['1'] }, true, false, 'an id'],
  [{ repository: ['acme/web'] }, true, true, 'a name, which can be taken over'],
  [{ repository: ['acme/web'], repository_id: ['1'] }, true, false, 'both'],
  [{ repository: ['acme/*'] }, true, true, 'an owner’s'],
  [{ repository: ['*/web'] }, false, true, 'anybody’s repository of that name'],
  [{ ref: ['refs/heads/main'] }, false, false, 'everybody has a main branch'],
  [{}, false, false, 'nothing'],
  [{ repository: ['**'] }, false, true, 'everything'],
  [{ sub: ['repo:*/*:ref:refs/heads/main'] }, false, true, 'every subject of the issuer'],
  [{ sub: ['repo:acme/web:*'] }, true, true, 'a subject'],
  [{ repository: ['acme/web', '**'] }, false, true, 'one of a list opens it'],
]
for (const [claims, pins, byName, why] of pinned) {
  test(`whose jobs a rule is for: ${why}`, () => {
    assert.equal(pinsOwner(claims), pins)
    assert.equal(isByNameOnly(claims), byName)
  })
}
