// The shapes of the command language. The table (table.ts) declares patterns; parsing, prefix matching, help and
// completion all follow from them.
import type { Role } from '../../contract/roles.ts';

export type { Role };

/** `mesh`: accepted from the command socket and from mesh members. `socket`: from this host's command socket only. */
export type Reach = 'mesh' | 'socket';

/**
 * `local`: runs on the receiving daemon. `namespace`: runs on every host of the active namespace, answers merged. `vms`: as `namespace`, and a host
 * without the VM that is named keeps silent while another has it.
 */
export type Scope = 'local' | 'namespace' | 'vms';

/** What completes a placeholder. `targets` are node names and `all`, `vm-targets` names of VMs and `all`. */
export type ValueKind =
  'nodes' | 'targets' | 'namespaces' | 'aliases' | 'variables' | 'commands' | 'vms' | 'vm-targets';

export interface CommandPattern {
  /** minimega's notation: `word`, `<x>`, `<a,b>`, `[x]`, `[a,b]`, `<x>...`, `[x]...`, `(command)`. Also the pattern's id. */
  readonly pattern: string;
  readonly role: Role;
  readonly reach: Reach;
  readonly scope: Scope;
  /** An abbreviation never selects it: every literal must be typed in full. */
  readonly destructive?: boolean;
  /** One line for `help`. */
  readonly help: string;
  /** Role and reach when its optional value is given: `mesh degree` looks, `mesh degree 3` acts. */
  readonly whenGiven?: { readonly role?: Role; readonly reach?: Reach };
  /** Its `(command)` is run by other members of the mesh, so it is checked as if it had come from one. */
  readonly nestedRunsOn?: 'mesh';
  /** How long other hosts may take for it, where that is longer than `mesh timeout` says. */
  readonly patienceMs?: number;
  /** How placeholders are completed, by key. */
  readonly values?: Readonly<Record<string, ValueKind>>;
}

/** One matched word of a command, in order. */
export type CommandPart =
  | { readonly kind: 'literal'; readonly text: string; readonly optional: boolean; readonly choice: boolean }
  | {
      readonly kind: 'value';
      readonly key: string;
      readonly text: string;
      readonly optional: boolean;
      readonly list: boolean;
    };

export interface ParsedCommand {
  readonly pattern: CommandPattern;
  /** Required and optional strings and choices, by key (first word of the placeholder; choices by their literal). */
  readonly words: Readonly<Record<string, string>>;
  /** `<x>...` and `[x]...`, by key. A list of the pattern is present even when it is empty. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
  /** `(command)`. */
  readonly nested: ParsedCommand | null;
  /** The line as typed, trimmed; after variables were expanded, the line with full words and their values. */
  readonly line: string;
  /** Every matched word in order, abbreviations written out. */
  readonly parts: readonly CommandPart[];
}
