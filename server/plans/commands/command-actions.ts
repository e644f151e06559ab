// Runs the line of a step on its node. A look before it finds what is done already, by this run or by somebody else; a line whose
// end was not seen is looked at again before anything is said about it.
import { AppError, describeError } from '../../../contract/errors.ts';
import {
  commandActions,
  type CommandLook,
  type CommandResult,
  describeErrors,
  judgeLook,
  keptAnswers,
  type Looked,
} from '../../../core/plans/commands/actions.ts';
import { pause } from '../../ssh/pause.ts';
import type { StepContext } from '../../runs/executor.ts';
import { type ActionParts, actionTable, type Executors } from '../action.ts';

/** Between two looks. */
const lookEveryMs = 2_000;

const executors: Executors<typeof commandActions> = {
  runCommand: async ({ cluster, node, line, look, timeoutMs, lookForMs }, context, { commands, caller, now }) => {
    const ask = async (text: string) =>
      commands.run({
        cluster,
        node,
        line: text,
        timeoutMs,
        caller,
        signal: context.signal,
        onStatus: (status) => context.log(status),
      });
    const seen = async (wanted: CommandLook) => judgeLook(await ask(wanted.line), wanted);
    if (look) {
      const before = await seen(look);
      if (before.is === 'done') return { changed: false, result: { answers: [] } };
      if (before.is === 'unknown') {
        throw new AppError('failed', `nothing was done: \`${look.line}\` does not tell how things are: ${before.why}`);
      }
    }
    let result: CommandResult = { answers: [] };
    let failure: AppError;
    try {
      result = keptAnswers(await ask(line));
      for (const answer of result.answers) if (answer.text !== '') context.log(answer.text, answer.node);
      const errors = describeErrors(result);
      if (errors === null) return { changed: true, result };
      failure = new AppError('failed', errors, { detail: result });
    } catch (error) {
      context.signal.throwIfAborted();
      failure = error instanceof AppError ? error : new AppError('failed', describeError(error), { cause: error });
      if (!isUnknown(failure)) throw failure;
      context.log(`${failure.message}: looking at it again`);
    }
    if (!look) throw failure;
    const after = await lookAgain(() => seen(look), isUnknown(failure) ? lookForMs : 0, { context, now });
    if (after.is === 'done') {
      context.log('it is done, as a look shows');
      return { changed: true, result };
    }
    if (!isUnknown(failure)) throw failure;
    if (after.is === 'not done') {
      throw new AppError('failed', `${failure.message}; a look shows that it is not done`, { cause: failure });
    }
    throw new AppError(
      'timeout',
      `${failure.message}; its outcome is unknown (${after.why}), and a retry looks again`,
      { cause: failure },
    );
  },
};

export const commandActionTable = actionTable(commandActions, executors);

/** Whether the line may have been carried out all the same. */
function isUnknown({ code }: AppError): boolean {
  return code === 'timeout' || code === 'unreachable';
}

/** At least once, and until it is done or the time is over: the node may still be at work, or about to return. */
async function lookAgain(
  look: () => Promise<Looked>,
  forMs: number,
  { context: { signal }, now }: { readonly context: Pick<StepContext, 'signal'>; readonly now: ActionParts['now'] },
): Promise<Looked> {
  const endAt = now() + forMs;
  for (;;) {
    let last: Looked;
    try {
      last = await look();
    } catch (error) {
      signal.throwIfAborted();
      last = { is: 'unknown', why: describeError(error) };
    }
    if (last.is === 'done' || now() >= endAt) return last;
    await pause(lookEveryMs, signal);
  }
}
