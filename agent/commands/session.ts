// What is set for the commands of a connection: output flags, active namespace, aliases. In minimega these belong to the daemon, so that
// `minimega -e namespace exp1` holds for the next `-e`, and two users disturb each other. Here connections that never said Hello, as
// minimega's clients, share those of the daemon; the others have their own.
import type { Role } from '../../core/commands/types.ts';
import type { ParsedCommand } from '../../core/commands/types.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { defaultOutputFlags, type OutputFlags } from '../../core/render.ts';

export interface Settings extends OutputFlags {
  readonly preprocess: boolean;
  readonly record: boolean;
}

export interface SessionState {
  settings: Settings;
  namespace: string;
  readonly aliases: Map<string, string>;
}

export interface Session {
  /** Its own, or that of all connections without Hello. */
  readonly state: SessionState;
  readonly role: Role;
  /** `quit` was accepted: nothing more is answered on this connection. */
  ended: boolean;
}

export function createSessionState(): SessionState {
  return {
    settings: { ...defaultOutputFlags, preprocess: true, record: true },
    namespace: defaultNamespace,
    aliases: new Map(),
  };
}

export function createSession(state: SessionState = createSessionState(), role: Role = 'admin'): Session {
  return { state, role, ended: false };
}

export const flagNames = [
  '.annotate',
  '.compress',
  '.csv',
  '.headers',
  '.json',
  '.preprocess',
  '.record',
  '.sort',
] as const;
export type FlagName = (typeof flagNames)[number];

export function flagValue(settings: Settings, name: FlagName): boolean {
  switch (name) {
    case '.csv':
      return settings.mode === 'csv';
    case '.json':
      return settings.mode === 'json';
    case '.annotate':
      return settings.annotate;
    case '.compress':
      return settings.compress;
    case '.headers':
      return settings.headers;
    case '.preprocess':
      return settings.preprocess;
    case '.record':
      return settings.record;
    case '.sort':
      return settings.sort;
  }
}

/** What setting a flag changes. `.csv false` leaves JSON alone: the two exclude each other only when set. */
export function flagChange(settings: Settings, name: FlagName, isOn: boolean): Partial<Settings> {
  switch (name) {
    case '.csv':
      return isOn ? { mode: 'csv' } : settings.mode === 'csv' ? { mode: 'default' } : {};
    case '.json':
      return isOn ? { mode: 'json' } : settings.mode === 'json' ? { mode: 'default' } : {};
    case '.annotate':
      return { annotate: isOn };
    case '.compress':
      return { compress: isOn };
    case '.headers':
      return { headers: isOn };
    case '.preprocess':
      return { preprocess: isOn };
    case '.record':
      return { record: isOn };
    case '.sort':
      return { sort: isOn };
  }
}

/**
 * What the flags in front of a command change, wherever they stand in it: `mesh send all .json true host` prints JSON.
 * The outermost wins, as in minimega.
 */
export function flagsOfCommand(command: ParsedCommand, settings: Settings): Partial<Settings> {
  if (!command.nested) return {};
  const inner = flagsOfCommand(command.nested, settings);
  const name = flagNames.find((flag) => command.pattern.pattern === `${flag} <true,false> (command)`);
  if (!name) return inner;
  // It changes what the inner ones made of the settings: `.csv false .csv true host` is a table.
  return { ...inner, ...flagChange({ ...settings, ...inner }, name, command.words['true'] !== undefined) };
}
