/**
 * docs/cli.md, made from the help of the commands. `node_modules/.bin/node scripts/help.ts` writes it.
 *
 * @module
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cli } from '../src/cli/cli.ts'
import { openSecrets } from '../src/secrets.ts'

const below = ['token create', 'token list', 'token revoke', 'access explain']
const commands = [
  'deploy',
  'sync',
  'diff',
  'validate',
  'render',
  'rollback',
  'status',
  'why',
  'clusters',
  'audit',
  'serve',
  ...below,
]

const opening = `# The command line

\`bin/mgo\` in a clone. Any Node ≥ 20 starts it. Made from the help by \`scripts/help.ts\`.

Results go to stdout, progress and errors to stderr. \`-o json\` prints one JSON value; \`NO_COLOR\` is honoured. Exit codes and errors:
[errors.md](errors.md).

\`--gitops-repo\` takes a URL, a bare repo or a clone. In a clone the commit is made on the checked-out branch: the files that are edited
must be unmodified there, nothing else of the work tree or the index is touched, and the push goes to the branch's upstream.
Where others pushed there meanwhile, the commit goes on top of theirs and the clone is left behind, as it is.
\`--commit-only\` stops after the commit, as the old tool's \`deploy\` did; of a URL or a bare repo the commit is pushed.

| variable | for |
| --- | --- |
| \`MGO_GITOPS_REPO\` | \`--gitops-repo\` |
| \`MGO_HELM\` | \`--helm\` |
| \`MGO_SERVER\`, \`MGO_TOKEN\` | \`--server\`, \`--token\` |
| \`MGO_AUDIENCE\` | what a job of GitHub Actions asks its identity token for (default: the server's address) |
| \`MGO_STATE\` | where mirrors, charts and the journal are kept (default: \`~/.local/state/mgo\`) |
| \`MGO_CONFIG\` | \`--config\` of \`serve\`, \`token\` and \`access\` |
| \`MGO_GIT_USERNAME\`, \`MGO_GIT_PASSWORD\` | the gitops repo over https |
| \`GIT_SSL_CAINFO\` | the authority of its certificate, PEM, where it is one of your own (a person’s \`http.sslCAInfo\` counts, too) |
| \`MGO_SLACK_WEBHOOK\` | Slack; wins over mygitops.yaml |
| \`HELM_REPOSITORY_CONFIG\`, \`HELM_REGISTRY_CONFIG\`, \`MGO_HELM_PLAIN_HTTP\` | chart repositories: [gitops-repo.md](gitops-repo.md) |

A secret may also lie in a file: \`MGO_TOKEN_FILE\`, \`MGO_GIT_PASSWORD_FILE\`, \`MGO_SLACK_WEBHOOK_FILE\` name it.
`

/** The text of docs/cli.md. */
export async function helpPage(): Promise<string> {
  const parts = []
  for (const command of commands) parts.push(`## mgo ${command}\n\n\`\`\`\n${(await help(command)).trim()}\n\`\`\`\n`)
  return [opening, ...parts].join('\n')
}

async function help(command: string): Promise<string> {
  let text = ''
  const write = process.stdout.write.bind(process.stdout)
  process.stdout.write = ((chunk: string) => {
    text += chunk
    return true
  }) as typeof process.stdout.write
  const unopened = (): never => {
    throw new Error('help opens nothing')
  }
  const nothing = async (): Promise<never> => unopened()
  try {
    await cli({
      version: '',
      env: {},
      secrets: openSecrets(),
      isTerminal: false,
      args: [...command.split(' '), '--help'],
      open: nothing,
      serve: nothing,
      openTrail: () => {
        throw new Error('help opens nothing')
      },
      verifier: () => () => ({ kind: 'whole', entries: 0, head: '' }),
      writeFiles: nothing,
      settings: unopened,
      settingsSchema: unopened,
      checkServing: unopened,
      tokens: unopened,
      user: unopened,
      secret: unopened,
      readText: nothing,
    })
  } finally {
    process.stdout.write = write
  }
  return text
}

if (process.argv[1] === import.meta.filename)
  writeFileSync(join(import.meta.dirname, '..', 'docs', 'cli.md'), await helpPage())
