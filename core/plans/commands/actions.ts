// Steps that run one line of the command language on a node of a cluster: what such a step carries, how its answers are kept,
// and how a look tells whether it is done. server/plans/commands runs them; it takes no node's lock, as a terminal takes none.
import { z } from 'zod';
import type { ResponseEntry } from '../../../contract/command-socket.ts';
import { maxLineBytes } from '../../../contract/limits.ts';
import type { Step } from '../../../contract/plans.ts';
import type { StepActions } from '../actions.ts';
import { shellWord, stepsOf, type StepTexts } from '../step.ts';

const Line = z.string().min(1).max(maxLineBytes);

/** A line that changes nothing and answers with a table: the step is done when a row has these values, or when none has. */
export const CommandLook = z.object({
  line: Line,
  /** By column. */
  where: z.record(z.string(), z.string()),
  wants: z.enum(['a row', 'no row']),
});
export type CommandLook = z.infer<typeof CommandLook>;

const CommandArgs = z.object({
  /** Id of the cluster, as the fleet has it. */
  cluster: z.string(),
  /** Name of the node that gets the line. */
  node: z.string(),
  line: Line,
  /** Asked before the line is sent, and again when its end was not seen. Null: the line does no harm the second time. */
  look: CommandLook.nullable(),
  /** Until its end, from when it is sent. */
  timeoutMs: z.number().int().positive(),
  /** How long a line whose end was not seen is looked at again. */
  lookForMs: z.number().int().positive(),
});

/** Bytes of an answer that a run keeps, of one node and of all: it is in the journal, and in each view of the run. */
const maxAnswerLength = 2_000;
const maxAnswersLength = 64_000;

const CommandResult = z.object({
  /** Of each node that answered, in the order of their answers. `error`: empty when it went well there. */
  answers: z.array(z.object({ node: z.string(), text: z.string(), error: z.string() })),
});
export type CommandResult = z.infer<typeof CommandResult>;

export const commandActions = { runCommand: { args: CommandArgs, result: CommandResult } } satisfies StepActions;

const makeStep = stepsOf(commandActions);

export interface CommandStepParts extends StepTexts {
  /** Names the step: `launchVm web1`. */
  readonly verb: string;
  readonly cluster: string;
  readonly line: string;
  readonly look?: CommandLook;
  /** The line that takes it back; null: none does. Its look is that of the step, the other way round, unless it has its own. */
  readonly undo: { readonly line: string; readonly look?: CommandLook } | null;
  readonly timeoutMs?: number;
  readonly lookForMs?: number;
}

/** What it may take to reach the node, beside the time of a line. */
const reachMs = 20_000;

/** A step that runs a line on its node. */
export function commandStep(parts: CommandStepParts): Step {
  const { cluster, line, look, undo, timeoutMs = 30_000, lookForMs = 30_000, ...texts } = parts;
  const callOf = (line: string, look: CommandLook | undefined) => ({
    action: 'runCommand' as const,
    args: { cluster, node: texts.node, line, look: look ?? null, timeoutMs, lookForMs },
  });
  return makeStep({
    preview: [{ kind: 'command', text: `meshd -e ${shellWord(line)}   # on ${texts.node}` }],
    // Beside the line itself: the look before it, and those after it with the last one under way.
    deadlineMs: 3 * (reachMs + timeoutMs) + lookForMs,
    ...texts,
    ...callOf(line, look),
    undo: undo && callOf(undo.line, undo.look ?? (look && reversed(look))),
  });
}

function reversed(look: CommandLook): CommandLook {
  return { ...look, wants: look.wants === 'a row' ? 'no row' : 'a row' };
}

/** Whether the step is done, as far as these answers of its look tell; `unknown` says why they do not. */
export type Looked =
  { readonly is: 'done' } | { readonly is: 'not done' } | { readonly is: 'unknown'; readonly why: string };

export function judgeLook(entries: readonly ResponseEntry[], { where, wants }: CommandLook): Looked {
  const found = entries.some((entry) => hasRow(entry, where));
  // A row that one node shows is there, whatever others say; without one, all of them must have answered.
  if (found) return { is: wants === 'a row' ? 'done' : 'not done' };
  if (entries.length === 0) return { is: 'unknown', why: 'nobody answered' };
  for (const { Host, Header, Error } of entries) {
    if (Error !== '') return { is: 'unknown', why: `${Host}: ${Error}` };
    const missing = Object.keys(where).find((column) => !Header?.includes(column));
    if (missing !== undefined) return { is: 'unknown', why: `${Host} gave no table with the column ${missing}` };
  }
  return { is: wants === 'a row' ? 'not done' : 'done' };
}

function hasRow({ Header, Tabular }: ResponseEntry, where: CommandLook['where']): boolean {
  const wanted = Object.entries(where).map(([column, value]) => [Header?.indexOf(column) ?? -1, value] as const);
  return (Tabular ?? []).some((row) => wanted.every(([at, value]) => at >= 0 && row[at] === value));
}

/** What a run keeps of answers. */
export function keptAnswers(entries: readonly ResponseEntry[]): CommandResult {
  let left = maxAnswersLength;
  return {
    answers: entries.map(({ Host, Response, Tabular, Error }) => {
      const text = Tabular ? Tabular.map((row) => row.join('  ')).join('\n') : Response;
      const kept = {
        node: Host.slice(0, 253),
        text: text.slice(0, Math.min(maxAnswerLength, left)),
        error: Error.slice(0, maxAnswerLength),
      };
      left = Math.max(0, left - kept.text.length - kept.error.length);
      return kept;
    }),
  };
}

/** The nodes where it went wrong, each with its error; null when it went well on all. */
export function describeErrors({ answers }: CommandResult): string | null {
  const bad = answers.filter(({ error }) => error !== '');
  return bad.length === 0 ? null : bad.map(({ node, error }) => `${node}: ${error}`).join('\n');
}
