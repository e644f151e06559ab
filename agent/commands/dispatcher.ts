// The life of a command on this daemon: alias, parse, authorise, history, variables, namespace, handler, transform, render.
// Owns sessions' meaning, the namespaces and the history; it neither frames JSON nor speaks to the mesh.
//
// INVARIANTS
// - Nothing runs that assertAllowed has not seen with the caller it came from, script lines included.
// - A command that came over the mesh has its own session, is not expanded, and is never sent out again.
// - A thrown error becomes one entry of this host; it never ends the iteration of another command.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import { maxScriptBytes } from '../../contract/limits.ts';
import { assertAllowed } from '../../core/commands/authorise.ts';
import { suggestLines } from '../../core/commands/complete.ts';
import { expandCommand } from '../../core/commands/expand.ts';
import { maskCommand } from '../../core/commands/mask.ts';
import { describeMissing } from '../../core/commands/missing.ts';
import { commandText, parseCommand } from '../../core/commands/parse.ts';
import { clipLine } from '../../core/commands/tokens.ts';
import { commandTable } from '../../core/commands/table.ts';
import type { ParsedCommand, ValueKind } from '../../core/commands/types.ts';
import { renderEntries } from '../../core/render.ts';
import { filterRows, selectColumns } from '../../core/transform.ts';
import { isUuid } from '../../core/vms/config-fields.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { VlanRange } from '../../core/vlans/table.ts';
import { readFileBelow } from '../../host/below.ts';
import type { Namespaces } from '../namespaces/namespaces.ts';
import { createBuiltins, History, type BuiltinCall, type Builtins } from './builtins.ts';
import { vmNotFound, type CommandOrigin, type Handlers } from './handler.ts';
import type { Peers } from './peers.ts';
import { Patience } from './patience.ts';
import { createSession, createSessionState, flagsOfCommand, type Session, type Settings } from './session.ts';
import { describeLost } from './vm-targets.ts';

export interface DispatcherOptions {
  /** This host's name. */
  readonly host: string;
  /** What `version` answers after the product's name. */
  readonly version: string;
  /** Directory that `read` reads from. */
  readonly filePath: string;
}

export interface DispatcherComponents {
  /** Handlers of mesh, deploy, host; see checkHandlers. */
  readonly handlers: Handlers;
  readonly peers: Peers;
  readonly namespaces: Namespaces;
  /** The VLANs that are set for a namespace; null: it uses the default ones. */
  readonly vlanRange: (namespace: string) => VlanRange | null;
  /** Ends the daemon after a time (`quit`, `quit N`). */
  readonly quit: (delayMs: number) => void;
  /** How long to wait for other hosts, as `mesh timeout` says. */
  readonly meshTimeoutMs: () => number;
  /** Names of the VMs of a namespace, as far as this node knows them, for completion. */
  readonly vmNames?: (namespace: string) => readonly string[];
  /** VMs of a namespace whose nodes are not in the mesh now. */
  readonly lostVms?: (namespace: string) => readonly VmRecord[];
  /** The host that has the VM with this UUID; null where none is known to have it. */
  readonly holderOf?: (namespace: string, uuid: string) => string | null;
  /** Receives errors that are not AppErrors: those are our bugs. */
  readonly onBug?: (error: unknown) => void;
}

export interface Answer {
  readonly Resp: ResponseEntry[] | null;
  readonly Rendered: string;
}

export interface ExecuteOptions {
  readonly signal: AbortSignal;
  readonly status: (text: string) => void;
}

/** Where and how a command runs. `overrides` are the flags of the commands around it; the outermost wins. */
interface LineContext extends ExecuteOptions {
  readonly session: Session;
  readonly origin: CommandOrigin;
  readonly overrides: Partial<Settings>;
  /** It is a line of a script: scripts read no scripts, as in minimega. */
  readonly isOfScript: boolean;
}

interface RunContext extends LineContext {
  readonly namespace: string;
  /** Inside of `ns run`: every command runs on all hosts of the namespace. */
  readonly isEverywhere?: boolean;
}

interface Batch {
  readonly entries: ResponseEntry[];
  readonly settings: Settings;
}

/** What `clear all` runs, as in minimega, the history last. */
const clearAllLines = ['clear deploy flags', 'clear namespace all', 'clear vlans all', 'clear history'];

const clearAllPattern = 'clear all';
const clearHistoryPattern = 'clear history';
const scriptPattern = 'read <file> [check,]';
/** How many lines of a script `read … check` names. */
const maxIssuesSaid = 100;
const namespacePattern = 'namespace <name> (command)';
const everywherePattern = 'ns <run,> (command)';
const columnsPattern = '.columns <columns as csv> (command)';
const filterPattern = '.filter <filter> (command)';
const isFlagPattern = (pattern: string) => pattern.endsWith(' <true,false> (command)');
/** Commands that contain other commands; run() itself takes them apart. */
const isWrapper = (pattern: string) =>
  pattern === namespacePattern ||
  pattern === everywherePattern ||
  pattern === columnsPattern ||
  pattern === filterPattern ||
  isFlagPattern(pattern);

export class Dispatcher {
  private readonly options: DispatcherOptions;
  private readonly components: DispatcherComponents;
  private readonly history = new History();
  /** Of all connections that never said Hello. */
  private readonly shared = createSessionState();
  private readonly variables = new Map<string, string>();
  private readonly builtins: Builtins;

  constructor(options: DispatcherOptions, components: DispatcherComponents) {
    this.options = options;
    this.components = components;
    this.builtins = createBuiltins({
      version: options.version,
      filePath: options.filePath,
      namespaces: components.namespaces,
      vlanRange: components.vlanRange,
      history: this.history,
      shared: this.shared,
      variables: this.variables,
      quit: components.quit,
    });
  }

  /** What a connection runs its commands with: its own settings, or those that connections without Hello share. */
  session(settings: 'own' | 'shared' = 'own'): Session {
    return createSession(settings === 'shared' ? this.shared : createSessionState());
  }

  /**
   * Runs one line and gives its answers as they come; none after `quit`. It does not throw: a failure is an entry with
   * `Error`.
   */
  async *execute(
    session: Session,
    line: string,
    origin: CommandOrigin,
    { signal, status }: ExecuteOptions,
  ): AsyncGenerator<Answer, void, undefined> {
    const context = { session, origin, overrides: {}, isOfScript: false, signal, status };
    let isBlank = true;
    for await (const { entries, settings } of this.runLine(line, context)) {
      isBlank = false;
      yield { Resp: entries, Rendered: renderEntries(entries, settings) };
    }
    if (isBlank && !session.ended) yield { Resp: null, Rendered: '' };
  }

  /** Runs a line that a member of the mesh sent, on this host only, in the namespace it was sent from. */
  async executeForMember(
    line: string,
    member: { nodeId: string; name: string; namespace: string; signal: AbortSignal },
  ): Promise<ResponseEntry[]> {
    const session = createSession();
    session.state.namespace = member.namespace;
    const context: LineContext = {
      session,
      origin: { via: 'mesh', nodeId: member.nodeId, name: member.name },
      overrides: {},
      isOfScript: false,
      signal: member.signal,
      status: () => undefined,
    };
    const entries: ResponseEntry[] = [];
    for await (const batch of this.runLine(line, context)) entries.push(...batch.entries);
    return entries;
  }

  /** Completions of a line: whole lines, each with a space at its end. @throws AppError `invalid` for one that is too long */
  suggest(session: Session, text: string): string[] {
    return suggestLines(commandTable, text, (kind) => this.valuesOf(kind, session));
  }

  private valuesOf(kind: ValueKind, session: Session): string[] {
    switch (kind) {
      case 'nodes':
        return [this.options.host, ...this.components.peers.names()];
      case 'targets':
        return this.components.peers.names();
      case 'namespaces':
        return this.components.namespaces.names();
      case 'aliases':
        return [...session.state.aliases.keys()];
      case 'variables':
        return [...this.variables.keys()];
      case 'vms':
      case 'vm-targets':
        return [...(this.components.vmNames?.(session.state.namespace) ?? [])];
      case 'commands':
        return commandTable.map(({ pattern }) => pattern.pattern.split(' ', 1)[0] ?? '');
    }
  }

  /** One line: typed, from a script, or from the mesh. Yields nothing for a blank line, a comment, and `quit`. */
  private async *runLine(line: string, context: LineContext): AsyncGenerator<Batch, void, undefined> {
    const { session, origin } = context;
    const isTyped = origin.via === 'socket';
    let settings: Settings = { ...session.state.settings, ...context.overrides };
    try {
      const text = isTyped ? expandAlias(line, session.state.aliases) : line;
      const parsed = parseCommand(commandTable, text, { via: origin.via, describeMissing });
      if (!parsed.ok) throw new AppError('invalid', parsed.message);
      const command = parsed.command;
      const ownFlags = command ? flagsOfCommand(command, settings) : {};
      const overrides = { ...ownFlags, ...context.overrides };
      settings = { ...session.state.settings, ...overrides };
      if (command) assertAllowed(command, { via: origin.via, role: session.role });
      if (!command) return;
      const ready = isTyped ? expandCommand(command, this.variables, session.state.settings.preprocess) : command;
      // What runs is what is authorised, and no value turns a command into another; this keeps it so.
      assertAllowed(ready, { via: origin.via, role: session.role });
      let hasFailed = false;
      for await (const batch of this.run(ready, { ...context, overrides, namespace: session.state.namespace })) {
        hasFailed = batch.entries.length > 0 && batch.entries.every(({ Error: error }) => error !== '');
        yield batch;
      }
      // Who may read the history may not read all variables.
      if (isTyped && settings.record && !hasFailed && isKept(command))
        this.history.add(maskCommand(line.trim(), command));
    } catch (error) {
      yield { entries: [this.errorEntry(error)], settings };
    }
  }

  private async *run(command: ParsedCommand, context: RunContext): AsyncGenerator<Batch, void, undefined> {
    const { nested } = command;
    const { pattern } = command.pattern;
    if (pattern === scriptPattern) {
      yield* this.runScript(command, context);
    } else if (pattern === clearAllPattern) {
      const settings = { ...context.session.state.settings, ...context.overrides };
      yield { entries: [await this.clearAll(context)], settings };
    } else if (pattern === namespacePattern && nested) {
      const namespace = command.words['name'] ?? '';
      await this.components.namespaces.mention(namespace);
      yield* this.run(nested, { ...context, namespace });
    } else if (pattern === everywherePattern && nested) {
      yield* this.run(nested, { ...context, isEverywhere: true });
    } else if (pattern === columnsPattern && nested) {
      const columns = command.words['columns'] ?? '';
      yield* mapBatches(this.run(nested, context), (entries) => selectColumns(entries, columns));
    } else if (pattern === filterPattern && nested) {
      const filter = command.words['filter'] ?? '';
      yield* mapBatches(this.run(nested, context), (entries) => filterRows(entries, filter));
    } else if (isFlagPattern(pattern) && nested) {
      // Its flag is in the overrides already.
      yield* this.run(nested, context);
    } else {
      for await (const entries of this.runLeaf(command, context)) {
        yield { entries, settings: { ...context.session.state.settings, ...context.overrides } };
      }
    }
  }

  private async *runLeaf(
    command: ParsedCommand,
    context: RunContext,
  ): AsyncGenerator<ResponseEntry[], void, undefined> {
    const { host } = this.options;
    const { namespaces } = this.components;
    const isOfNamespace =
      (command.pattern.scope !== 'local' || context.isEverywhere === true) && context.origin.via === 'socket';
    // Another node may have cleared the one that is active here.
    if (isOfNamespace) await namespaces.mention(context.namespace);
    const hosts = isOfNamespace ? this.hostsFor(command, context.namespace) : [host];
    if (hosts.length === 0)
      throw new AppError('refused', `the namespace ${context.namespace} has no hosts: \`ns add-hosts <hosts>\``);
    if (hosts.length === 1 && hosts[0] === host) {
      yield* this.runHere(command, context);
      return;
    }
    const others = hosts.filter((name) => name !== host);
    const remote =
      others.length === 0
        ? Promise.resolve([])
        : this.components.peers.send(others, commandText(command), {
            namespace: context.namespace,
            timeoutMs: Math.max(this.components.meshTimeoutMs(), command.pattern.patienceMs ?? 0),
            signal: context.signal,
          });
    // It may fail while this host still works; the code that awaits it below gets the error.
    remote.catch(() => undefined);
    const merged: ResponseEntry[] = [];
    if (hosts.includes(host)) {
      try {
        for await (const entries of this.runHere(command, context)) merged.push(...entries);
      } catch (error) {
        merged.push(this.errorEntry(error));
      }
    }
    const patience = new Patience(context.signal, command.line);
    try {
      merged.push(...(await patience.wait(remote)));
    } finally {
      patience.end();
    }
    yield command.pattern.scope === 'vms'
      ? withoutMissing(this.withLost(merged, command, context.namespace), host)
      : merged;
  }

  /** The hosts of the namespace; only the one that has the VM, where a UUID names it: another that hangs is not waited for. */
  private hostsFor({ pattern, words }: ParsedCommand, namespace: string): readonly string[] {
    const hosts = this.components.namespaces.hosts(namespace);
    const vm = pattern.scope === 'vms' ? words['vm'] : undefined;
    const holder = vm === undefined || !isUuid(vm) ? null : (this.components.holderOf?.(namespace, vm) ?? null);
    return holder !== null && hosts.includes(holder) ? [holder] : hosts;
  }

  /** A host that is away cannot say what its VMs are now: LOST. */
  private withLost(entries: ResponseEntry[], command: ParsedCommand, namespace: string): ResponseEntry[] {
    if (entries.every(({ Error: error }) => error === '' || error.startsWith(vmNotFound))) return entries;
    const lost = this.components.lostVms?.(namespace) ?? [];
    return entries.map((entry) => {
      if (entry.Error === '') return entry;
      const text = describeLost(
        command,
        lost.filter((vm) => vm.host === entry.Host),
      );
      return text === null ? entry : responseEntry(entry.Host, { Error: text });
    });
  }

  /** The handler on this host. When a handler ignores its signal, this stops waiting for it soon after the signal came. */
  private async *runHere(
    command: ParsedCommand,
    context: RunContext,
  ): AsyncGenerator<ResponseEntry[], void, undefined> {
    const { signal, origin, namespace, session } = context;
    const call: BuiltinCall = {
      command,
      origin,
      host: this.options.host,
      namespace,
      signal,
      session,
      status: context.status,
    };
    const patience = new Patience(signal, command.line);
    try {
      yield* this.callHandler(call, patience);
    } finally {
      patience.end();
    }
  }

  private async *callHandler(call: BuiltinCall, patience: Patience): AsyncGenerator<ResponseEntry[], void, undefined> {
    const key = call.command.pattern.pattern;
    const builtin = ownValue(this.builtins, key);
    if (builtin) {
      const entries = await patience.wait(builtin(call));
      // `quit` answers nothing; other commands answer at least with an empty list.
      if (!call.session.ended) yield entries;
      return;
    }
    const handler = ownValue(this.components.handlers, key);
    if (!handler) throw new AppError('failed', `\`${key}\` is not part of this meshd`);
    const result = handler(call);
    if (!(Symbol.asyncIterator in result)) {
      yield await patience.wait(result);
      return;
    }
    const iterator = result[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await patience.wait(iterator.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      // Not awaited: a generator that waits for something else would hold this one.
      void iterator.return?.().catch(() => undefined);
    }
  }

  /** Each of its commands, whatever becomes of the others. */
  private async clearAll(context: RunContext): Promise<ResponseEntry> {
    const errors: string[] = [];
    for (const line of clearAllLines) {
      const parsed = parseCommand(commandTable, line);
      if (!parsed.ok || !parsed.command) throw new Error(`\`${line}\` cannot be parsed`);
      assertAllowed(parsed.command, { via: context.origin.via, role: context.session.role });
      try {
        for await (const entries of this.runLeaf(parsed.command, context))
          for (const { Host, Error: error } of entries) if (error !== '') errors.push(`${line}: ${Host}: ${error}`);
      } catch (error) {
        errors.push(`${line}: ${describeError(error)}`);
      }
    }
    return responseEntry(this.options.host, { Error: errors.join('\n') });
  }

  /**
   * `read`: every line of a file below -filepath, one answer each; `check` parses only. A command that fails does not end it, a line that is not
   * a command does.
   */
  private async *runScript(command: ParsedCommand, context: RunContext): AsyncGenerator<Batch, void, undefined> {
    const name = command.words['file'] ?? '';
    if (context.isOfScript) throw new AppError('refused', 'cannot run nested read commands');
    const text = await readFileBelow(this.options.filePath, name, { maxBytes: maxScriptBytes });
    const lines = text.split(/\r?\n/);
    const { aliases } = context.session.state;
    if (command.words['check'] !== undefined) {
      const issues = lines.flatMap((line, at) => scriptIssue(line, aliases, `${name}:${at + 1}`) ?? []);
      if (issues.length > 0) throw new AppError('invalid', issues.slice(0, maxIssuesSaid).join('\n'));
      yield {
        entries: [responseEntry(this.options.host)],
        settings: { ...context.session.state.settings, ...context.overrides },
      };
      return;
    }
    // Inside `namespace X read …` the script has its own active namespace, which ends with it.
    const { state } = context.session;
    const isMoved = context.namespace !== state.namespace;
    const session = isMoved
      ? { ...context.session, state: { ...state, namespace: context.namespace } }
      : context.session;
    for (const [at, line] of lines.entries()) {
      if (context.signal.aborted) throw cancelled(command.line);
      const issue = scriptIssue(line, aliases, `${name}:${at + 1}`);
      if (issue !== null) throw new AppError('invalid', issue);
      yield* this.runLine(line, { ...context, session, isOfScript: true });
      if (session.ended) {
        context.session.ended = true;
        return;
      }
    }
  }

  /** Patterns without a handler, and handlers without a pattern: both are empty once all parts are wired. */
  checkHandlers(): { missing: string[]; unknown: string[] } {
    const patterns = commandTable.map(({ pattern }) => pattern.pattern);
    const isOwn = (pattern: string) =>
      scriptPattern === pattern ||
      clearAllPattern === pattern ||
      isWrapper(pattern) ||
      Object.hasOwn(this.builtins, pattern);
    const registered = Object.keys(this.components.handlers);
    return {
      missing: patterns.filter((pattern) => !isOwn(pattern) && !registered.includes(pattern)),
      unknown: registered.filter((pattern) => isOwn(pattern) || !patterns.includes(pattern)),
    };
  }

  private errorEntry(error: unknown): ResponseEntry {
    if (!(error instanceof AppError)) this.components.onBug?.(error);
    return responseEntry(this.options.host, { Error: describeError(error) || 'unknown error' });
  }
}

/** `t.mm:4 invalid command: …` for a line of a script that is not a command; null for one that is, and for one that says nothing. */
function scriptIssue(line: string, aliases: ReadonlyMap<string, string>, place: string): string | null {
  const parsed = parseCommand(commandTable, expandAlias(line, aliases), { describeMissing });
  if (!parsed.ok) return `${place} ${parsed.message}`;
  return parsed.command && leafOf(parsed.command).pattern.pattern === scriptPattern
    ? `${place} cannot run nested read commands`
    : null;
}

function leafOf(command: ParsedCommand): ParsedCommand {
  let leaf = command;
  while (leaf.nested) leaf = leaf.nested;
  return leaf;
}

/** Whether the history keeps such a line: of a script it has the lines, and what empties it leaves it empty. */
function isKept(command: ParsedCommand): boolean {
  return ![scriptPattern, clearAllPattern, clearHistoryPattern].includes(leafOf(command).pattern.pattern);
}

/** Replaces the first word when it is an alias; the expansion is not expanded again. */
function expandAlias(line: string, aliases: ReadonlyMap<string, string>): string {
  if (aliases.size === 0) return line;
  const trimmed = line.trim();
  const first = /^\S+/.exec(trimmed)?.[0] ?? '';
  const expansion = aliases.get(first);
  return expansion === undefined ? line : expansion + trimmed.slice(first.length);
}

async function* mapBatches(
  batches: AsyncIterable<Batch>,
  change: (entries: ResponseEntry[]) => ResponseEntry[],
): AsyncGenerator<Batch, void, undefined> {
  for await (const { entries, settings } of batches) yield { entries: change(entries), settings };
}

/** A VM is on one host, so the others do not have it. That is an error, of this host, when no host has it [facts 2.4]. */
function withoutMissing(entries: ResponseEntry[], host: string): ResponseEntry[] {
  const found = entries.filter(({ Error: error }) => !error.startsWith(vmNotFound));
  const [first] = entries;
  return found.length > 0 || !first ? found : [{ ...first, Host: host }];
}

function cancelled(line: string): AppError {
  return new AppError('cancelled', `\`${clipLine(line)}\`: cancelled`);
}

/** A pattern's entry; patterns are looked up by text, and objects have more keys than their own. */
function ownValue<T>(map: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}
