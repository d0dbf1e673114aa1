/**
 * The table of commands, which is the help.
 *
 * @module
 */
import { Command, CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { meaning, MgoError } from '../error.ts'
import { accessCommand } from './access.ts'
import { auditCommand } from './audit.ts'
import { clustersCommand } from './clusters.ts'
import { deployCommand } from './deploy.ts'
import type { Edges } from './edges.ts'
import { diffCommand, renderCommand, validateCommand } from './look.ts'
import { printer } from './print.ts'
import { rollbackCommand } from './rollback.ts'
import { serveCommand } from './serve.ts'
import { syncCommand } from './sync.ts'
import { tokenCommand } from './token.ts'
import { statusCommand, whyCommand } from './why.ts'

const commands = [
  deployCommand,
  syncCommand,
  diffCommand,
  validateCommand,
  renderCommand,
  rollbackCommand,
  statusCommand,
  whyCommand,
  clustersCommand,
  auditCommand,
  serveCommand,
  tokenCommand,
  accessCommand,
]

/** Runs the command line. Gives the exit code. */
export async function cli(edges: Edges): Promise<number> {
  let code = 0
  const exit = (next: number) => {
    code = next
  }
  const program = new Command('mgo')
    .description(
      'CI says “this image, that cluster”; mgo commits it, brings the cluster to it, and says whether it works.',
    )
    .version(edges.version)
    .showHelpAfterError('(mgo help shows the commands)')
    .exitOverride()
  for (const command of commands) program.addCommand(inherit(command(edges, exit), program))
  try {
    await program.parseAsync(sorted(edges.args), { from: 'user' })
    return code
  } catch (error) {
    // Commander has told the user what is wrong already, or shown what was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const isJson = edges.args.some(
      (one, i) =>
        /^(?:-o|--output)=?json$/.test(one) || (one === 'json' && /^(?:-o|--output)$/.test(edges.args[i - 1] ?? '')),
    )
    const debug = edges.args.includes('--debug')
    printer({ json: isJson, debug, colour: false, hide: edges.secrets.hide }).failure(error)
    return exitOfError(error)
  }
}

/** A command and those below it end like the program: by a value, never by ending the process. */
function inherit(command: CommandUnknownOpts, parent: CommandUnknownOpts): CommandUnknownOpts {
  command.copyInheritedSettings(parent).exitOverride()
  for (const one of command.commands) inherit(one, command)
  return command
}

/** The old tool's flags `--gitops-repo` and `--debug` also stood before the command. */
function sorted(args: readonly string[]): readonly string[] {
  const front: string[] = []
  let rest = args
  for (;;) {
    const [first = '', second = ''] = rest
    const taken = first === '--debug' || first.startsWith('--gitops-repo=') ? 1 : first === '--gitops-repo' ? 2 : 0
    if (taken === 0) break
    front.push(...(taken === 2 ? [first, second] : [first]))
    rest = rest.slice(taken)
  }
  const [command, ...flags] = rest
  return command === undefined ? front : [command, ...front, ...flags]
}

function exitOfError(error: unknown): number {
  return error instanceof MgoError ? meaning(error.code).exit : 5
}
