import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { describeCommand } from '../core/plans/command-text.ts';
import { planKinds } from '../core/plans/kinds.ts';
import { addPlanCommands } from './plan-words.ts';

interface Asked {
  readonly kind: string;
  readonly form: Record<string, unknown>;
  readonly options: Readonly<Record<string, unknown>>;
}

/** What `meshdeck <words>` asks for; what goes wrong is thrown. */
async function ask(...words: string[]): Promise<Asked> {
  const asked: Asked[] = [];
  const program = new Command('meshdeck').exitOverride().configureOutput({ writeErr: () => undefined });
  addPlanCommands(program, planKinds, (kind, form, options) => {
    asked.push({ kind, form, options });
    return Promise.resolve();
  });
  // Sub-commands are made without the override of their parent.
  for (const each of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)])
    each.exitOverride();
  await program.parseAsync(['node', 'meshdeck', ...words]);
  const [first] = asked;
  if (!first) throw new Error('nothing was asked');
  return first;
}

describe('the words of a plan', () => {
  test.each([
    ['add-nodes', { nodes: 'node[1-2]', user: 'ann', port: '2222', install: true }],
    ['deploy', { nodes: 'node[1-2]', head: 'node1', context: 'john', degree: '4', port: '9001' }],
    ['attach', { nodes: 'node[1-2]', base: '/run/minimega', context: 'john' }],
    [
      'bridge',
      {
        nodes: 'node[1-2]',
        uplink: 'eth0',
        uplinks: { node2: 'eth1' },
        method: 'commands',
        rebootCanary: true,
        bridge: 'br0',
        hold: true,
        window: '60',
        times: { reboot: 300, cap: 90 },
        atOnce: '4',
      },
    ],
    ['remove-bridge', { nodes: 'node1', hold: true, confirm: 'mega_bridge' }],
    ['rotate-key', { nodes: 'node1' }],
    ['replace-node', { node: 'node1', user: 'root', port: '22', confirm: 'node1' }],
    ['remove-node', { nodes: 'node[1-2]', confirm: 'node[1-2]' }],
    ['passwordless-root', { nodes: 'node1', confirm: 'anyone may log in' }],
    [
      'launch',
      {
        names: 'web[1-16]',
        namespace: 'lab',
        memory: '96',
        vcpus: '2',
        disks: ['web.qcow2', 'data disk.qcow2,virtio'],
        networks: ['lan', '100'],
        vlans: { lan: 101 },
        tags: { role: 'web server' },
        nodes: 'node[1-4]',
        place: 'fill',
        paused: true,
      },
    ],
  ])('%s: the command that a plan shows makes the same form again', async (name, form) => {
    const [command] = planKinds.find(({ kind }) => kind === name)?.commands ?? [];
    if (!command) throw new Error(name);
    const text = describeCommand(command, form);
    // As a shell splits what shellWord quotes.
    const words = [...text.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    expect(await ask(...words.slice(1))).toMatchObject({ kind: name, form });
  });

  test('what was left out is left to the form', async () => {
    expect((await ask('bridge', 'node1')).form).toEqual({ nodes: 'node1' });
    expect((await ask('nodes', 'rotate-key')).form).toEqual({ nodes: '' });
  });

  test('a check runs, and an addition waits for --run', async () => {
    expect(await ask('nodes', 'check', 'node1')).toMatchObject({ kind: 'add-nodes', options: { run: true } });
    expect((await ask('nodes', 'add', 'node1')).options['run']).toBeUndefined();
  });

  test.each([
    [['deploy', 'node1'], /--head/],
    [['nodes', 'remove', 'node1'], /--confirm/],
    [['bridge', 'node1', '--time', 'cap=soon'], /--time cap=soon: a whole number/],
    [['bridge', 'node1', '--time', 'cap'], /--time cap: name=value/],
    [['bridge', 'node1', '--uplink', 'eth0', '--uplink', 'eth1'], /--uplink eth0, eth1: one for all/],
    [['bridge', 'node1', '--undo', '--method', 'commands'], /--method: not with --undo/],
  ])('%j is an error', async (words, message) => {
    await expect(ask(...words)).rejects.toThrow(message);
  });
});
