// Commands that concern the daemon's own language: version, help, history, variables, aliases, namespaces, quit. They see
// the connection's session, which other handlers do not.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { maxHistoryCharacters, maxHistoryLines, maxValueCharacters, maxVariables } from '../../contract/limits.ts';
import { helpText } from '../../core/commands/help.ts';
import { describeMissing } from '../../core/commands/missing.ts';
import { commandTable } from '../../core/commands/table.ts';
import { clipLine } from '../../core/commands/tokens.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import type { VlanRange } from '../../core/vlans/table.ts';
import { writeTextBelow } from '../../host/text-below.ts';
import type { Namespaces } from '../namespaces/namespaces.ts';
import type { CommandCall } from './handler.ts';
import { flagChange, flagNames, flagValue, type Session, type SessionState } from './session.ts';

export interface BuiltinCall extends CommandCall {
  readonly session: Session;
}
export type Builtin = (call: BuiltinCall) => Promise<ResponseEntry[]>;
export type Builtins = Readonly<Record<string, Builtin>>;

export interface BuiltinComponents {
  readonly version: string;
  /** Directory of the files that commands may name. */
  readonly filePath: string;
  readonly namespaces: Namespaces;
  /** The VLANs that are set for a namespace; null: it uses the default ones. */
  readonly vlanRange: (namespace: string) => VlanRange | null;
  readonly history: History;
  readonly variables: Map<string, string>;
  /** The settings of connections without Hello: what it tells members about itself. */
  readonly shared: SessionState;
  /** Ends the daemon after a time. */
  readonly quit: (delayMs: number) => void;
}

/** Lines typed on this daemon, the newest last; bounded in number, as in minimega, and in size. */
export class History {
  private lines: string[] = [];
  private characters = 0;

  add(line: string): void {
    this.lines.push(line);
    this.characters += line.length;
    while (this.lines.length > maxHistoryLines || this.characters > maxHistoryCharacters) {
      this.characters -= this.lines.shift()?.length ?? 0;
    }
  }

  clear(): void {
    this.lines = [];
    this.characters = 0;
  }

  text(): string {
    return this.lines.join('\n');
  }
}

export function createBuiltins(components: BuiltinComponents): Builtins {
  const { history, variables } = components;
  /** A builtin whose answer is one entry of this host. */
  const one =
    (answer: (call: BuiltinCall) => Partial<Omit<ResponseEntry, 'Host'>>): Builtin =>
    (call) =>
      Promise.resolve([responseEntry(call.host, answer(call))]);

  const flags = flagNames.map((name) => [
    `${name} [true,false]`,
    one(({ command, session }) => {
      const isOn = command.words['true'] !== undefined;
      if (!isOn && command.words['false'] === undefined)
        return { Response: String(flagValue(session.state.settings, name)) };
      session.state.settings = { ...session.state.settings, ...flagChange(session.state.settings, name, isOn) };
      return {};
    }),
  ]);

  return {
    ...(Object.fromEntries(flags) as Builtins),
    version: one(() => ({ Response: `meshd ${components.version}` })),
    'echo [args]...': one(({ command }) => ({ Response: (command.lists['args'] ?? []).join(' ') })),
    'help [command]...': one(({ command }) => {
      const words = command.lists['command'] ?? [];
      const text = helpText(commandTable, words) ?? describeMissing(words);
      return { Response: text ?? `no help for \`${clipLine(words.join(' '))}\`: \`help\` lists all commands` };
    }),
    history: one(() => ({ Response: history.text() })),
    'write <file>': async ({ command, host }) => {
      await writeTextBelow(components.filePath, command.words['file'] ?? '', `${history.text()}\n`);
      return [responseEntry(host)];
    },
    'clear history': one(() => {
      history.clear();
      return {};
    }),
    'quit [delay]': (call) => Promise.resolve(quit(call, components)),
    '.env [name]': one(({ command }) => {
      const name = command.words['name'];
      if (name !== undefined) return { Response: valueOf(variables, name) };
      return { Header: ['key', 'value'], Tabular: [...variables].sort(([a], [b]) => (a < b ? -1 : 1)) };
    }),
    'clear env <name>': one(({ command }) => {
      const name = command.words['name'] ?? '';
      if (!variables.delete(name)) throw notSet(name);
      return {};
    }),
    '.env <name> <value>': one(({ command }) => {
      setVariable(variables, command.words['name'] ?? '', command.words['value'] ?? '');
      return {};
    }),
    '.alias': one(({ session }) => {
      const rows = [...session.state.aliases];
      return { Header: ['alias', 'expansion'], Tabular: rows.length === 0 ? null : rows };
    }),
    '.alias <alias>...': one(({ command, session }) => {
      setAlias(session, command.lists['alias'] ?? []);
      return {};
    }),
    '.unalias <alias>': one(({ command, session }) => {
      const name = command.words['alias'] ?? '';
      if (!session.state.aliases.delete(name))
        throw new AppError('not-found', `no such alias \`${name}\` on this connection`);
      return {};
    }),
    'namespace [name]': async ({ command, session, origin, host }) => {
      const name = command.words['name'];
      if (name === undefined) {
        // `namespace foo namespace` runs in foo, and does not make it active.
        const { namespace } = origin.via === 'mesh' ? components.shared : session.state;
        const Tabular = namespaceRows(namespace, components);
        return [responseEntry(host, { Header: ['namespace', 'vlans', 'active'], Tabular })];
      }
      await components.namespaces.mention(name);
      session.state.namespace = name;
      return [responseEntry(host)];
    },
    'clear namespace [name]': (call) => clearNamespace(call, components),
  };
}

function quit({ command, host, session }: BuiltinCall, { quit: end }: BuiltinComponents): ResponseEntry[] {
  const delay = command.words['delay'];
  if (delay === undefined) {
    session.ended = true;
    end(0);
    return [];
  }
  const seconds = Number(delay);
  if (!/^\d+$/.test(delay) || seconds > 86_400) {
    throw new AppError('invalid', `\`${delay}\`: a delay in seconds, 0 to 86400`);
  }
  end(seconds * 1000);
  return [responseEntry(host, { Response: `quitting after ${seconds} seconds` })];
}

function valueOf(variables: ReadonlyMap<string, string>, name: string): string {
  const value = variables.get(name);
  if (value === undefined) throw notSet(name);
  return value;
}

function notSet(name: string): AppError {
  const said = clipLine(name);
  return new AppError('not-found', `$${said} is not set: set it with \`.env ${said} <value>\``);
}

function setVariable(variables: Map<string, string>, name: string, value: string): void {
  if (!/^[A-Za-z_]\w{0,63}$/.test(name)) {
    throw new AppError(
      'invalid',
      `\`${name.slice(0, 80)}\`: a variable's name is letters, digits and underscores, not first a digit`,
    );
  }
  assertValueLength(name, value);
  if (variables.size >= maxVariables && !variables.has(name)) {
    throw new AppError('refused', `more than ${maxVariables} variables: unset some with \`clear env <name>\``);
  }
  variables.set(name, value);
}

function assertValueLength(name: string, value: string): void {
  if (value.length > maxValueCharacters) {
    throw new AppError('invalid', `${name.slice(0, 80)}: ${value.length} characters, more than ${maxValueCharacters}`);
  }
}

/** `.alias ms=mesh status`, or `.alias ms = mesh status`. */
function setAlias(session: Session, words: readonly string[]): void {
  const [, name, expansion] = /^([^\s=]+)\s*=\s*(\S.*)$/s.exec(words.join(' ')) ?? [];
  if (name === undefined || expansion === undefined) {
    throw new AppError('invalid', `\`${words.join(' ').slice(0, 80)}\`: write \`.alias name=command\``);
  }
  assertValueLength(name, expansion);
  if (session.state.aliases.size >= maxVariables && !session.state.aliases.has(name)) {
    throw new AppError('refused', `more than ${maxVariables} aliases on this connection`);
  }
  session.state.aliases.set(name, expansion);
}

/** Rows of `namespace`: name, VLAN range, whether it is the active one. */
function namespaceRows(active: string, { namespaces, vlanRange }: BuiltinComponents): string[][] {
  return namespaces.names().map((name) => {
    const range = vlanRange(name);
    return [name, range === null ? '' : `${range.min}-${range.max}`, String(name === active)];
  });
}

/** Back to the default namespace, or a namespace ended with all in it, on all nodes. */
async function clearNamespace(
  { command, session, host, signal }: BuiltinCall,
  { namespaces, shared }: BuiltinComponents,
): Promise<ResponseEntry[]> {
  const name = command.words['name'];
  if (name === undefined) {
    session.state.namespace = defaultNamespace;
    return [responseEntry(host)];
  }
  if (name === defaultNamespace) {
    throw new AppError(
      'refused',
      `\`${name}\` is the default namespace, of which each node has its own: \`clear all\` ends what is in all of them`,
    );
  }
  if (name !== 'all' && !namespaces.has(name)) {
    throw new AppError('not-found', `no such namespace \`${name}\`: \`namespace\` lists them`);
  }
  const { nodes, cluster, staying } = await namespaces.clear(name === 'all' ? null : name, { signal });
  for (const state of [session.state, shared]) if (!namespaces.has(state.namespace)) state.namespace = defaultNamespace;
  const again = `Run \`clear namespace ${name}\` again`;
  return [...nodes].map(([node, left]) => {
    if (left.length === 0 && (node !== host || cluster.length === 0)) return responseEntry(node);
    const texts = [...left, ...(node === host ? cluster : [])];
    const way =
      left.length > 0 && node !== host
        ? `, when ${node} answers, or take it out first: \`namespace ${staying[0] ?? name} ns del-hosts ${node}\``
        : '';
    return responseEntry(node, { Error: `${texts.join('\n')}\n${again}${way}` });
  });
}
