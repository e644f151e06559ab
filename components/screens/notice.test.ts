import { expect, it } from 'vitest';
import { consoleNotice } from './notice.ts';

const vm = { Name: 'web1', State: 'RUNNING', Reason: '', SerialPorts: 1 } as const;
const facts = { link: { at: 'open' }, node: 'node2', lackingPort: null, now: 10_000 } as const;

it('says nothing while the console is open, or about to be', () => {
  expect(consoleNotice(vm, facts)).toBeNull();
  expect(consoleNotice({ ...vm, State: 'PAUSED' }, { ...facts, link: { at: 'connecting' } })).toBeNull();
});

it('counts down to the next try, with the reason', () => {
  const link = { at: 'waiting', reason: 'The connection to the console was lost', retryAt: 12_500 } as const;
  expect(consoleNotice(vm, { ...facts, link })).toEqual({
    state: 'warn',
    text: 'The connection to the console was lost. Next try in 3 s.',
    action: 'retry',
  });
  expect(consoleNotice(vm, { ...facts, link, now: 20_000 })?.text).toContain('in 0 s');
});

it('says how a VM ended, and offers to start it; a lost node is waited for', () => {
  expect(consoleNotice({ ...vm, State: 'QUIT', Reason: 'the guest powered off' }, facts)).toEqual({
    state: 'warn',
    text: 'web1 is QUIT: the guest powered off. It has no console until it is started.',
    action: 'start',
  });
  expect(consoleNotice({ ...vm, State: 'ERROR' }, facts)?.state).toBe('bad');
  expect(consoleNotice({ ...vm, State: 'LOST' }, facts)).toMatchObject({
    text: 'node2 does not answer. The console comes back with it.',
    action: null,
  });
});

it('says which serial port a VM lacks, and how to get one', () => {
  const over = { ...facts, link: { at: 'over' }, lackingPort: 1 } as const;
  expect(consoleNotice(vm, over)?.text).toBe('web1 has no serial port 1: it has 1, counted from 0.');
  expect(consoleNotice({ ...vm, SerialPorts: 0 }, { ...over, lackingPort: 0 })?.text).toContain(
    'vm config serial-ports 1',
  );
  // What ends it anyway is said first.
  expect(consoleNotice({ ...vm, State: 'QUIT' }, over)?.action).toBe('start');
});
