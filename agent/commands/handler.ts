// What a command's handler gets and gives. Handlers are registered by pattern; the dispatcher parses, authorises, fans
// out over namespaces, and renders.
import type { ResponseEntry } from '../../contract/command-socket.ts';
import type { ParsedCommand } from '../../core/commands/types.ts';

/** Where a command came in: over this host's command socket, or from a member of the mesh. */
export type CommandOrigin =
  { readonly via: 'socket' } | { readonly via: 'mesh'; readonly nodeId: string; readonly name: string };

export interface CommandCall {
  readonly command: ParsedCommand;
  readonly origin: CommandOrigin;
  /** This host's name, for entries. */
  readonly host: string;
  /** The namespace the command runs in; the default one is `minimega`. */
  readonly namespace: string;
  /** Aborted by Cancel (its reason is an AppError `cancelled`), by a closed connection, or by the daemon's end. */
  readonly signal: AbortSignal;
  /** Sends a progress message to the client, if there is one. */
  readonly status: (text: string) => void;
}

/**
 * Answers one command. A thrown AppError becomes this host's error entry; an iterable streams several answers
 * (`More` on all but the last).
 */
export type Handler = (call: CommandCall) => Promise<ResponseEntry[]> | AsyncIterable<ResponseEntry[]>;

/** How the error begins of a host that has no VM of this name: minimega's text, and how the dispatcher tells such hosts. */
export const vmNotFound = 'vm not found: ';

/** Handlers by pattern text. */
export type Handlers = Readonly<Record<string, Handler>>;
