// A method of the console as a value: browser, CLI, dispatcher and tests derive from it. Types are inferred from the
// schemas, never written again.
import { z } from 'zod';
import type { Role } from './roles.ts';
import type { ErrorCode } from './errors.ts';

export interface Method<
  Name extends string = string,
  Input extends z.ZodType = z.ZodType,
  Output extends z.core.$ZodType = z.core.$ZodType,
> {
  readonly name: Name;
  /** One or two sentences for people: what it does. */
  readonly summary: string;
  /** The least role that may call it, checked in the dispatcher. The part for plans or commands checks what else these need. */
  readonly role: Role;
  /** True when it changes something: it is then in the audit log, with who, what, where and result. */
  readonly changes: boolean;
  /** True: a token is refused. What gives access for longer, or takes it from others, needs the person who logged in. */
  readonly needsSession?: boolean;
  readonly input: Input;
  readonly output: Output;
  /** Arguments that the round-trip test sends through the real dispatcher. */
  readonly example: z.input<Input>;
}

export function defineMethod<const Name extends string, Input extends z.ZodType, Output extends z.core.$ZodType>(
  method: Method<Name, Input, Output>,
): Method<Name, Input, Output> {
  return method;
}

/** For methods without arguments, and for answers that say no more than that it is done. */
export const Nothing = z.object({});

/** The answer to every call. */
export type Ack<Data> =
  | { readonly ok: true; readonly data: Data }
  | {
      readonly ok: false;
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly detail?: unknown };
    };

export type InputOf<M> = M extends Method<string, infer Input> ? z.output<Input> : never;
export type OutputOf<M> = M extends Method<string, z.ZodType, infer Output> ? z.output<Output> : never;
