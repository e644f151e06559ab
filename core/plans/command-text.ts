// A plan as the shell command that makes the same one: written from the words that the shell parses (core/plans/kinds.ts).
import type { PlanCommand, PlanOption } from './plan-kind.ts';
import { shellWord } from './step.ts';

type Form = Readonly<Record<string, unknown>>;

/** What is left out is the default there too. */
export function describeCommand(command: PlanCommand, form: Form): string {
  const argument = textOf(form[command.argument.field]);
  return [
    'meshdeck',
    command.words,
    ...(command.choice ? [command.choice.flag] : []),
    ...(argument === '' ? [] : [shellWord(argument)]),
    ...(command.hasLogin ? loginWords(form) : []),
    ...command.options.flatMap((option) => optionWords(option, form)),
  ].join(' ');
}

/** `--degree` of `--degree <count>`. */
export function nameOfFlag(flag: string): string {
  return flag.split(' ', 1)[0] ?? flag;
}

function loginWords({ user, port, login }: Form): string[] {
  const [name, number] = [textOf(user), textOf(port)];
  return [
    ...(name === '' || name === 'root' ? [] : ['--user', shellWord(name)]),
    ...(number === '' || number === '22' ? [] : ['--port', number]),
    ...(login === 'key' ? ['--identity', '<file>'] : []),
  ];
}

function optionWords(option: PlanOption, form: Form): string[] {
  const name = nameOfFlag(option.flag);
  const value = form[option.field];
  if (option.as === 'list') return listOf(value).flatMap((word) => [name, shellWord(word)]);
  if (option.as === 'numbers' || option.as === 'pairs') {
    return pairsOf(value).flatMap((pair) => [name, shellWord(pair)]);
  }
  if (option.flag === name) return value === true ? [name] : [];
  const text = textOf(value);
  const isLeftOut = text === '' || (text === option.default && option.isPinned !== true);
  return [
    ...(isLeftOut ? [] : [name, shellWord(text)]),
    ...pairsOf(option.fieldByNode === undefined ? {} : form[option.fieldByNode]).flatMap((pair) => [
      name,
      shellWord(pair),
    ]),
  ];
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function pairsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, of]) => (of === undefined ? [] : [`${name}=${String(of)}`]));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
}
