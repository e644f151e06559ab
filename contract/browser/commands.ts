// Lines of the command language, run on a node's command socket.
import { z } from 'zod';
import { CommandResponse } from '../command-socket.ts';
import { maxCallBytes } from '../limits.ts';
import { defineMethod, Nothing } from '../method.ts';

export const commandMethods = {
  /** One line on the command socket of a node; answers stream as command.answer events with the same call id. */
  'command.run': defineMethod({
    name: 'command.run',
    summary:
      'Runs one line on the command socket of a node; its answers come as command.answer events with the same call id.',
    role: 'viewer',
    changes: true,
    input: z.object({
      call: z.string().max(64),
      cluster: z.string(),
      node: z.string(),
      /** The command language checks the bound, so that each way in gives the same error. */
      line: z.string().max(maxCallBytes),
      /** Lines of one session share a connection, so that `namespace x` and `.csv true` hold; empty for none. */
      session: z.string().max(64).default(''),
      timeoutMs: z.number().int().min(100).max(600_000),
    }),
    output: z.object({ failed: z.boolean() }),
    example: { call: 'c1', cluster: '', node: 'node1', line: 'mesh status', timeoutMs: 10_000 },
  }),
  'command.cancel': defineMethod({
    name: 'command.cancel',
    summary: 'Ends a running command.run of the same connection.',
    role: 'viewer',
    changes: false,
    input: z.object({ call: z.string().max(64) }),
    output: Nothing,
    example: { call: 'c1' },
  }),
  'command.suggest': defineMethod({
    name: 'command.suggest',
    summary: 'Completes a line of the command language.',
    role: 'viewer',
    changes: false,
    input: z.object({ cluster: z.string(), node: z.string(), text: z.string().max(maxCallBytes) }),
    output: z.array(z.string()),
    example: { cluster: '', node: 'node1', text: 'mesh ' },
  }),
} as const;

export const commandEvents = {
  'command.answer': z.object({ call: z.string(), answer: CommandResponse }),
} as const;
