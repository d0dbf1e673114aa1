/**
 * Looks at what a run has left, from outside: git's log, the server's answers, its files. It shares no code with mgo, so
 * that the two cannot be wrong in the same way.
 *
 * `node test/checker/checker.ts RUN.json` prints what it found as JSON, and exits with 1 where something is not as it
 * must be: I1 one commit or one explicit failure for each accepted request, I2 one verdict each, I3 a good verdict means
 * what git says, I4 no foreign commit lost, I5 no secret anywhere, I6 the process lives within its bounds.
 *
 * @module
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { alive, type Run } from './process.ts'
import { type Searched, secrets } from './secrets.ts'

/** A request as its sender knows it. `order`: the place among those of its source, which were sent one after the other. */
export type Sent = {
  readonly id: string
  readonly source: string
  readonly tag: string
  readonly author: string
  readonly order: number
}

export type RunRecord = Run &
  Searched & {
    readonly branch: string
    /** The first commit, made before mgo came. */
    readonly start: string
    readonly sent: readonly Sent[]
    /** Commits of others that were pushed. */
    readonly foreign: readonly string[]
    /** Lines of others that a file still has at the tip. */
    readonly lines: readonly { readonly file: string; readonly line: string }[]
    /** Where the branch stood before somebody threw it back: what led there need not be in it any more. */
    readonly lost: readonly string[]
    /** The values file of each source. */
    readonly files: Readonly<Record<string, string>>
  }

type Answer = {
  readonly id: string
  readonly verdict?: string
  readonly commit?: string
  readonly supersededBy?: string
  readonly problem?: { readonly code: string; readonly message: string }
  readonly status?: string
}

type Commit = {
  readonly oid: string
  readonly author: string
  readonly subject: string
  readonly ids: readonly string[]
}

const good = new Set(['healthy', 'rendered', 'committed', 'applied', 'unchanged'])

function gitOf(bare: string): (...args: readonly string[]) => string {
  return (...args) =>
    execFileSync('git', ['--git-dir', bare, ...args], { encoding: 'utf8', maxBuffer: 512 * 1024 * 1024 })
}

/** The texts of `REVISION:PATH`, by that name; read by one git. What is not there is absent. */
function blobs(bare: string, names: readonly string[]): ReadonlyMap<string, string> {
  const wanted = [...new Set(names)]
  const out = execFileSync('git', ['--git-dir', bare, 'cat-file', '--batch'], {
    input: wanted.map((name) => `${name}\n`).join(''),
    maxBuffer: 512 * 1024 * 1024,
  })
  const found = new Map<string, string>()
  let at = 0
  for (const name of wanted) {
    const end = out.indexOf('\n', at)
    const size = Number(/ blob (\d+)$/.exec(out.toString('latin1', at, end))?.[1] ?? Number.NaN)
    at = end + 1
    if (Number.isNaN(size)) continue
    found.set(name, out.toString('utf8', at, at + size))
    at += size + 1
  }
  return found
}

/** The trailers are the last paragraph of a message; what stands above them is text. */
function idsOf(body: string): readonly string[] {
  const last = body.trimEnd().split(/\n\n/).at(-1) ?? ''
  return [...last.matchAll(/^Mgo-Request: ([0-9A-Z]{26})$/gm)].map((match) => match[1] ?? '')
}

function history(bare: string, ...revisions: readonly string[]): readonly Commit[] {
  const out = gitOf(bare)('log', '-z', '--format=%H%x01%an <%ae>%x01%s%x01%B', ...revisions)
  return out
    .split('\0')
    .filter((one) => one !== '')
    .map((one) => {
      const [oid = '', author = '', subject = '', body = ''] = one.split('\u0001')
      return { oid: oid.trim(), author, subject, ids: idsOf(body) }
    })
}

async function answers(run: RunRecord): Promise<ReadonlyMap<string, Answer>> {
  const found = new Map<string, Answer>()
  const ids = run.sent.map(({ id }) => id)
  // A few at a time: a server that may open few files takes few connections.
  for (let at = 0; at < ids.length; at += 4)
    await Promise.all(
      ids.slice(at, at + 4).map(async (id) => {
        const response = await fetch(`${run.url}/v1/deploys/${id}`)
        found.set(id, { ...((await response.json()) as Answer), status: String(response.status) })
      }),
    )
  return found
}

/** I1, I2: what became of one request, beside the commits that name it. */
function oneEnd(sent: Sent, answer: Answer | undefined, commits: readonly Commit[]): string | undefined {
  const says = `${sent.id} (${sent.source}:${sent.tag})`
  const oids = commits.map(({ oid }) => oid.slice(0, 12)).join(' ')
  if (answer?.status !== '200' || answer.verdict === undefined)
    return `I2 ${says} has no verdict: ${JSON.stringify(answer)}`
  if (commits.length > 1) return `I1 ${says} is committed ${commits.length} times: ${oids}`
  const [commit] = commits
  const mayBePushed = /nobody knows whether it went through/.test(answer.problem?.message ?? '')
  if (answer.verdict === 'unchanged' || answer.commit === undefined) {
    if (commit !== undefined && answer.commit !== commit.oid && !mayBePushed)
      return `I1 ${says} is ${answer.verdict}, and yet there is the commit ${oids}`
    return answer.commit === undefined && good.has(answer.verdict) ? `I1 ${says} is good without a commit` : undefined
  }
  if (commit === undefined)
    return answer.verdict === 'committed' ? `I1 ${says} is committed, but no commit names it` : undefined
  if (commit.oid !== answer.commit) return `I1 ${says}: its verdict names ${answer.commit}, git has ${oids}`
  if (commit.author !== sent.author) return `I1 ${says}: its author is ${commit.author}, not ${sent.author}`
  return undefined
}

/** I3: each file at the tip has the tag of the last request for it that went well, and each commit the tag of its own. */
function files(run: RunRecord, found: ReadonlyMap<string, Answer>, commits: readonly Commit[]): readonly string[] {
  const wrong: string[] = []
  const byId = new Map(commits.flatMap((commit) => commit.ids.map((id) => [id, commit.oid] as const)))
  const there = new Set(commits.map(({ oid }) => oid))
  const counts = ({ verdict = '', commit = '' }: Partial<Answer>) =>
    good.has(verdict) && (run.lost.length === 0 || there.has(commit))
  const texts = blobs(
    run.bare,
    Object.entries(run.files).flatMap(([source, file]) =>
      [run.branch, ...run.sent.flatMap((sent) => (sent.source === source ? (byId.get(sent.id) ?? []) : []))].map(
        (revision) => `${revision}:${file}`,
      ),
    ),
  )
  for (const [source, file] of Object.entries(run.files)) {
    const at = (revision: string) => /tag: "([^"]*)"/.exec(texts.get(`${revision}:${file}`) ?? '')?.[1]
    const mine = run.sent.filter((sent) => sent.source === source).toSorted((a, b) => a.order - b.order)
    const last = mine.findLast(({ id }) => counts(found.get(id) ?? {}))
    if (last !== undefined && at(run.branch) !== last.tag)
      wrong.push(
        `I3 ${file} has ${at(run.branch)}; the last good request ${last.id} asked for ${last.tag}; ${story(run, { file, mine, found })}`,
      )
    for (const { id, tag } of mine) {
      const oid = byId.get(id)
      if (oid !== undefined && at(oid) !== tag) wrong.push(`I3 the commit ${oid} of ${id} has ${at(oid)}, not ${tag}`)
    }
  }
  return wrong
}

type Asked = {
  readonly file: string
  readonly mine: readonly Sent[]
  readonly found: ReadonlyMap<string, Answer>
}

/** What was asked for a file in the order of asking, and its commits, the newest first. */
function story(run: RunRecord, { file, mine, found }: Asked): string {
  const asked = mine.map(({ id, tag }) => `${tag} ${id} ${found.get(id)?.verdict} ${found.get(id)?.commit ?? ''}`)
  const log = gitOf(run.bare)('log', '--format=%H %cI %s', run.branch, '--', file)
  return `asked: ${asked.join(', ')}; git: ${log.trim().split('\n').join(', ')}`
}

/** I4: the lines that others wrote are still in their files. */
function lines({ bare, branch, lines: kept }: RunRecord): readonly string[] {
  const texts = blobs(
    bare,
    kept.map(({ file }) => `${branch}:${file}`),
  )
  return kept
    .filter(({ file, line }) => texts.get(`${branch}:${file}`)?.split('\n').includes(line) !== true)
    .map(({ file, line }) => `I4 the foreign line ${line} is gone from ${file}`)
}

/** I4: nothing of others is gone, and history only grew. */
function foreign(run: RunRecord, commits: readonly Commit[]): readonly string[] {
  const there = new Set(commits.map(({ oid }) => oid))
  const known = new Set(run.sent.map(({ id }) => id))
  const own = commits.filter(({ ids }) => ids.length > 1).map(({ oid }) => `I1 ${oid} names several requests`)
  const strange = commits.flatMap(({ oid, ids }) =>
    ids.filter((id) => !known.has(id)).map((id) => `I1 ${oid} names ${id}, which nobody sent`),
  )
  return [run.start, ...run.foreign]
    .filter((oid) => !there.has(oid))
    .map((oid) => `I4 the foreign commit ${oid} is gone`)
    .concat(own, strange)
}

/** Everything that is wrong with a run. */
async function check(run: RunRecord): Promise<readonly string[]> {
  const commits = history(run.bare, run.branch)
  const gone = run.lost.length === 0 ? [] : history(run.bare, ...run.lost, '--not', run.branch)
  const found = await answers(run)
  const ends = run.sent.flatMap((sent) => {
    const answer = found.get(sent.id)
    const of = (some: readonly Commit[]) => some.filter(({ ids }) => ids.includes(sent.id))
    // What is good may have lain where the branch is no more; what is not good is in no branch.
    const own = of(commits)
    return oneEnd(sent, answer, own.length > 0 || !good.has(answer?.verdict ?? '') ? own : of(gone)) ?? []
  })
  const git = [...files(run, found, commits), ...foreign(run, commits), ...lines(run)]
  return [...ends, ...git, ...(await secrets(run, [...found.values()])), ...(await alive(run))]
}

const wrong = await check(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as RunRecord)
console.log(JSON.stringify(wrong, null, 2))
process.exitCode = wrong.length === 0 ? 0 : 1
