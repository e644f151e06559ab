// What a user sets on a connection. minimega keeps the active namespace and the flags of the output for all its users; here they stay with the
// connection, and go in front of each line. Pure.
import { responseEntry, type ResponseEntry } from '../../../contract/command-socket.ts';
import { requirements } from '../../../core/commands/authorise.ts';
import { commandText } from '../../../core/commands/parse.ts';
import { quoteWord } from '../../../core/commands/tokens.ts';
import type { ParsedCommand } from '../../../core/commands/types.ts';
import { defaultNamespace } from '../../../core/namespaces.ts';

export interface Settings {
  /** Empty: the default one. */
  readonly namespace: string;
  /** `.csv` to `true`, in the order in which they were set. */
  readonly flags: Readonly<Record<string, string>>;
}

export const settingsAtFirst: Settings = { namespace: '', flags: {} };

export interface PreparedLine {
  readonly settings: Settings;
  /** To be sent; empty when there is an answer. */
  readonly line: string;
  /** Of the connection itself, where nothing is sent. */
  readonly answer: ResponseEntry | null;
  /** A namespace that the line only looks at: it must be there, since minimega makes what is named. */
  readonly mustExist: string | null;
}

/** Commands that mean the same in each namespace. */
const ofNoNamespace =
  /^(mesh|deploy|version|help|quit|nuke|args|debug|log|history|check|echo|bridge|file|\.alias|\.env|\.unalias|namespace \[|clear (all|history|log|deploy|namespace))/;

const flagsOf = (name: string) => (name === '.csv' || name === '.json' ? ['.csv', '.json'] : [name]);

/** What to do about a command of a user. */
export function prepareLine(command: ParsedCommand, settings: Settings): PreparedLine {
  const set = settingOf(command, settings);
  if (set !== null) return { settings: set, line: '', answer: responseEntry(''), mustExist: null };
  const chain = [...commandsOf(command)];
  const own = new Set(chain.flatMap(({ parts, nested }) => (nested ? flagsOf(parts[0]?.text ?? '') : [])));
  const flags = Object.entries(settings.flags).flatMap(([name, value]) => (own.has(name) ? [] : [`${name} ${value}`]));
  // Words of who may only look fetch no file and read no variable.
  const isLook = chain.every((each) => requirements(each).role === 'viewer');
  if (isLook && !own.has('.preprocess')) flags.push('.preprocess false');
  const named = chain.find(({ pattern }) => pattern.pattern.startsWith('namespace <name>'))?.words['name'];
  const isOfAll = ofNoNamespace.test(chain.at(-1)?.pattern.pattern ?? '');
  // The active namespace of the daemon is whatever somebody made it, so the default one is named too.
  const namespace = settings.namespace === '' ? defaultNamespace : settings.namespace;
  const scope = named === undefined && !isOfAll ? [`namespace ${quoteWord(namespace)}`] : [];
  const looksInto = named ?? (scope.length > 0 ? namespace : undefined);
  return {
    settings,
    line: [...flags, ...scope, commandText(command)].join(' '),
    answer: null,
    mustExist: isLook && looksInto !== undefined && looksInto !== defaultNamespace ? looksInto : null,
  };
}

/** The settings after a line that sets something for what comes; null for other lines. */
function settingOf({ pattern: { pattern }, words, parts }: ParsedCommand, settings: Settings): Settings | null {
  if (pattern === 'namespace [name]' && words['name'] !== undefined) {
    return { ...settings, namespace: words['name'] === defaultNamespace ? '' : words['name'] };
  }
  if (pattern === 'clear namespace [name]' && words['name'] === undefined) return { ...settings, namespace: '' };
  const [, flag] = /^(\.\w+) \[true,false\]$/.exec(pattern) ?? [];
  const value = parts[1]?.text;
  if (flag === undefined || value === undefined) return null;
  const others = Object.entries(settings.flags).filter(([name]) => !flagsOf(flag).includes(name));
  return { ...settings, flags: { ...Object.fromEntries(others), [flag]: value } };
}

function* commandsOf(command: ParsedCommand): Generator<ParsedCommand> {
  for (let at: ParsedCommand | null = command; at; at = at.nested) yield at;
}
