// The shapes of the command language. The table (table.ts) declares patterns; parsing, prefix matching, help and
// completion all follow from them.

/** Who may run a command: viewers look, operators act, admins change the cluster itself. */
export type Role = 'viewer' | 'operator' | 'admin';

/** `mesh`: accepted from the command socket and from mesh members. `socket`: from this host's command socket only. */
export type Reach = 'mesh' | 'socket';

/** `local`: runs on the receiving daemon. `namespace`: runs on every host of the active namespace, answers merged. */
export type Scope = 'local' | 'namespace';

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
}

export interface ParsedCommand {
  readonly pattern: CommandPattern;
  /** Required and optional strings and choices, by key (first word of the placeholder; choices by their literal). */
  readonly words: Readonly<Record<string, string>>;
  /** `<x>...` and `[x]...`, by key. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
  /** `(command)`. */
  readonly nested: ParsedCommand | null;
  /** The line as typed, trimmed. */
  readonly line: string;
}
