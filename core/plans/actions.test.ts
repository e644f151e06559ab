import { expect, test } from 'vitest';
import { z } from 'zod';
import { type ActionCall, readCall, readResult, type StepActions } from './actions.ts';
import { stepsOf } from './step.ts';

const actions = {
  ensureFile: { args: z.object({ path: z.string().startsWith('/') }), result: z.object({ bytes: z.number() }) },
  removeFile: { args: z.object({ path: z.string(), isForced: z.boolean().default(false) }), result: z.object({}) },
} satisfies StepActions;
const step = stepsOf(actions);
const texts = { node: 'node1', title: 'Write it', why: 'So that it is there.' };

test('a step keeps what its executor reads, defaults included', () => {
  const made = step({
    ...texts,
    action: 'ensureFile',
    args: { path: '/etc/x' },
    undo: { action: 'removeFile', args: { path: '/etc/x' } },
  });
  expect(made).toMatchObject({
    key: 'ensureFile node1',
    do: { action: 'ensureFile', args: { path: '/etc/x' } },
    undo: { action: 'removeFile', args: { path: '/etc/x', isForced: false } },
  });
});

test('an argument that the schema refuses makes no step', () => {
  expect(() => step({ ...texts, action: 'ensureFile', args: { path: 'x' } })).toThrow(/path/);
});

test('calls and results of another version, or of another action, are nothing', () => {
  const call = { action: 'ensureFile', args: { path: '/x' } };
  expect(readCall(actions, 'ensureFile', call)).toEqual({ path: '/x' });
  expect(readCall(actions, 'removeFile', call)).toBeNull();
  expect(readCall(actions, 'ensureFile', { ...call, args: {} })).toBeNull();
  expect(readCall(actions, 'ensureFile', null)).toBeNull();
  expect(readResult(actions.ensureFile, { bytes: 3 })).toEqual({ bytes: 3 });
  expect(readResult(actions.ensureFile, {})).toBeNull();
});

/** Never called: the compiler reads it, and each line below its comment has to be an error. */
export function doesNotCompile(): void {
  // @ts-expect-error -- an argument is missing
  step({ ...texts, action: 'ensureFile', args: {} });
  // @ts-expect-error -- an argument of another type
  step({ ...texts, action: 'ensureFile', args: { path: 1 } });
  // @ts-expect-error -- an argument of another action
  step({ ...texts, action: 'ensureFile', args: { path: '/x', isForced: true } });
  // @ts-expect-error -- an action that is not in the map
  step({ ...texts, action: 'ensureFolder', args: { path: '/x' } });
  // @ts-expect-error -- an undo with wrong arguments
  step({ ...texts, action: 'ensureFile', args: { path: '/x' }, undo: { action: 'removeFile', args: {} } });
  // @ts-expect-error -- a call that mixes two actions
  const call: ActionCall<typeof actions> = { action: 'removeFile', args: {} };
  readCall(actions, 'ensureFile', call);
}
