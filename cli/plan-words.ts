// The words of every kind of plan as commands: from the table that the kinds are (core/plans/kinds.ts) to the form that their
// planner parses.
import { type Command, Option } from 'commander';
import { AppError } from '../contract/errors.ts';
import { nameOfFlag } from '../core/plans/command-text.ts';
import type { PlanCommand, PlanKindFacts, PlanOption } from '../core/plans/plan-kind.ts';
import type { PlanOptions } from './plan-command.ts';

/** What is done about a plan of this kind. */
export type ActOnPlan = (
  kind: string,
  form: Record<string, unknown>,
  options: PlanOptions & Readonly<Record<string, unknown>>,
) => Promise<void>;

interface Entry {
  readonly kind: string;
  readonly command: PlanCommand;
}

/** Adds a command for all words of these kinds. Returns them by their words. */
export function addPlanCommands(
  program: Command,
  kinds: readonly PlanKindFacts[],
  act: ActOnPlan,
): ReadonlyMap<string, Command> {
  const entries = new Map<string, Entry[]>();
  for (const { kind, commands } of kinds) {
    for (const command of commands)
      entries.set(command.words, [...(entries.get(command.words) ?? []), { kind, command }]);
  }
  return new Map([...entries].map(([words, sharers]) => [words, addCommand(program, words, sharers, act)]));
}

function addCommand(program: Command, words: string, sharers: readonly Entry[], act: ActOnPlan): Command {
  const names = words.split(' ');
  const parent = names
    .slice(0, -1)
    .reduce((above, name) => above.commands.find((each) => each.name() === name) ?? above.command(name), program);
  const first = sharers.find(({ command }) => command.choice === undefined) ?? sharers[0];
  if (!first) throw new Error(`no plan has the words ${words}`);
  const { about, argument } = first.command;
  const made = parent
    .command(names.at(-1) ?? words)
    .description(about)
    .enablePositionalOptions()
    .argument(argument.usage, argument.about, ...(argument.usage.startsWith('[') ? [''] : []))
    .option('--plan', 'print the plan and do nothing')
    .option('--run', 'run it without asking')
    .option('--json', 'for programs: the plan, then one event a line')
    .option('--yes', 'answer what steps ask with yes');
  if (sharers.some(({ command }) => command.hasLogin)) addLogin(made);
  for (const { command } of sharers) if (command.choice) made.option(command.choice.flag, command.choice.about);
  const options = new Map(sharers.flatMap(({ command }) => command.options.map((option) => [option.flag, option])));
  for (const option of options.values()) made.addOption(optionOf(option, sharers.length === 1));
  return made.action((typed: string, given: Record<string, unknown>) => {
    const { kind, command } = chosen(sharers, first, given);
    const form = { [command.argument.field]: typed, ...(command.hasLogin ? loginOf(given) : {}) };
    for (const option of command.options) Object.assign(form, fieldsOf(option, given[attributeOf(option.flag)]));
    return act(kind, form, command.runsAtOnce ? { ...given, run: true } : given);
  });
}

/** Whose words these are. @throws AppError `invalid` for options of another kind beside a flag that chooses this one */
function chosen(sharers: readonly Entry[], first: Entry, given: Readonly<Record<string, unknown>>): Entry {
  const entry = sharers.find(({ command: { choice } }) => choice && given[attributeOf(choice.flag)] === true) ?? first;
  const { choice, options } = entry.command;
  if (!choice) return entry;
  const own = new Set(options.map(({ flag }) => flag));
  const strays = sharers
    .flatMap(({ command }) => command.options)
    .filter(({ flag }) => !own.has(flag) && isGiven(given[attributeOf(flag)]));
  if (strays.length === 0) return entry;
  const names = strays.map(({ flag }) => nameOfFlag(flag)).join(', ');
  throw new AppError('invalid', `${names}: not with ${choice.flag}, ${choice.why}`);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}

function addLogin(command: Command): void {
  command
    .option('--user <user>', 'the user for the first login: root, or a user with sudo', 'root')
    .option('--port <port>', 'port of sshd', '22')
    .option('--password-stdin', 'read the password from standard input')
    .option('--identity <file>', 'log in by this private key the first time')
    .option('--passphrase-stdin', "read that key's passphrase from standard input")
    .option('--accept-new', 'pin unknown host keys as they are shown')
    .option('--fingerprint <SHA256...>', 'pin the host keys with these fingerprints');
}

function loginOf({ user, port }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { user, port };
}

/** `isAlone`: nobody else has these words, so that what it requires is required of all. */
function optionOf({ flag, about, default: usual, isRequired, as }: PlanOption, isAlone: boolean): Option {
  const option = new Option(flag, usual === undefined || usual === 'auto' ? about : `${about} (${usual})`);
  if (as !== undefined) option.argParser<string[] | undefined>((value, all = []) => [...all, value]);
  return option.makeOptionMandatory(isRequired === true && isAlone);
}

function attributeOf(flag: string): string {
  return new Option(flag).attributeName();
}

/** What an option gives to the form; nothing when it was left out: the form has its own defaults. @throws AppError `invalid` */
function fieldsOf(option: PlanOption, value: unknown): Record<string, unknown> {
  if (!isGiven(value)) return {};
  const name = nameOfFlag(option.flag);
  // `as` is what optionOf collects.
  const all = Array.isArray(value) ? (value as string[]) : [];
  if (option.as === 'list') return { [option.field]: all };
  if (option.as === 'pairs') return { [option.field]: Object.fromEntries(all.map((text) => pairOf(name, text))) };
  if (option.as === 'numbers') return { [option.field]: Object.fromEntries(all.map((text) => numberOf(name, text))) };
  if (option.as !== 'by-node' || option.fieldByNode === undefined) return { [option.field]: value };
  const common = all.filter((text) => !text.includes('='));
  if (common.length > 1)
    throw new AppError('invalid', `${name} ${common.join(', ')}: one for all, and node=value for single nodes`);
  const single = all.filter((text) => text.includes('=')).map((text) => pairOf(name, text));
  return {
    ...(common[0] === undefined ? {} : { [option.field]: common[0] }),
    [option.fieldByNode]: Object.fromEntries(single),
  };
}

function numberOf(flag: string, text: string): [string, number] {
  const [name, number] = pairOf(flag, text);
  if (!/^\d+$/.test(number)) throw new AppError('invalid', `${flag} ${text}: a whole number behind the =`);
  return [name, Number(number)];
}

function pairOf(flag: string, text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new AppError('invalid', `${flag} ${text}: name=value`);
  return [text.slice(0, at), text.slice(at + 1)];
}
