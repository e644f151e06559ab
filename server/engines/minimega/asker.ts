// What asks a minimega: all that questions and the console's own lines need of a connection.
import type { ResponseEntry } from '../../../contract/command-socket.ts';

export interface Asker {
  /** What all hosts answer to a line of the console's own. @throws AppError `timeout`, `unreachable`, `invalid` */
  ask(line: string, options?: { readonly deadline?: AbortSignal }): Promise<ResponseEntry[]>;
}

/** Of `mesh timeout`, in seconds: above what any command but a launch with images takes, below what a person waits. */
export const meshTimeoutSeconds = 60;
