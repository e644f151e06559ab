// The one error type that crosses modules. A `code` is for programs, `message` for people: what, where, what to do next.

export type ErrorCode =
  | 'invalid' // bad input: nothing was changed
  | 'not-found'
  | 'refused' // not allowed here, for this role, or in this state
  | 'conflict' // someone else holds it, or it exists already
  | 'unreachable' // no connection
  | 'host-key-unknown'
  | 'host-key-changed'
  | 'timeout' // unknown outcome: look again
  | 'cancelled'
  | 'failed'; // it ran and said no

export class AppError extends Error {
  readonly code: ErrorCode;
  /** Extra fields for programs (JSON), such as a fingerprint. */
  readonly detail: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; detail?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.detail = options.detail;
  }
}

/** The text of anything thrown, for an `Error` cell or a log line. */
export function describeError(error: unknown): string {
  if (error instanceof Error) return error.message;
  return typeof error === 'string' ? error : JSON.stringify(error);
}
