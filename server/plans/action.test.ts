import { expect, test } from 'vitest';
import { z } from 'zod';
import type { StepContext } from '../runs/executor.ts';
import { type ActionParts, actionTable, type Executors } from './action.ts';

const nothing = z.object({});
const actions = {
  ensureFile: { args: z.object({ path: z.string() }), result: z.object({ bytes: z.number() }) },
  removeFile: { args: z.object({ path: z.string() }), result: nothing },
};
const executors: Executors<typeof actions> = {
  ensureFile: ({ path }) => Promise.resolve({ changed: true, result: { bytes: path.length } }),
  removeFile: () => Promise.resolve({ changed: false }),
};
// What an action here does not look at.
const context = {} as StepContext;
const parts = {} as ActionParts;

test('an action is found by its name, and arguments of another version are an error', async () => {
  const table = actionTable(actions, executors);
  expect(await table.get('ensureFile')?.run({ path: '/etc/x' }, context, parts)).toEqual({
    changed: true,
    result: { bytes: 6 },
  });
  expect(() => table.get('removeFile')?.run({ file: '/etc/x' }, context, parts)).toThrow(/path/);
  expect(table.get('ensureFolder')).toBeUndefined();
});

/** Never called: the compiler reads it, and each line below its comment has to be an error. */
export function doesNotCompile(): void {
  const { ensureFile } = executors;
  // @ts-expect-error -- an action without an executor
  actionTable(actions, { ensureFile });
  actionTable(actions, {
    ...executors,
    // @ts-expect-error -- a result that the map does not have
    ensureFile: () => Promise.resolve({ changed: true, result: { bytes: 'many' } }),
  });
  actionTable(actions, {
    ...executors,
    // @ts-expect-error -- an argument that the map does not have
    removeFile: ({ isForced }) => Promise.resolve({ changed: isForced === true }),
  });
}
