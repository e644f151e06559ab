import { expect, test } from 'vitest';
import { parseCommand } from '../../core/commands/parse.ts';
import { commandTable } from '../../core/commands/table.ts';
import { vmStates } from '../../core/vms/states.ts';
import { fitFor, vmCommands, type VmReach, type VmVerb, type VmWish } from './vm-commands.ts';
import { countOutcomes, outcomesOf, outcomesOfError } from './vm-outcomes.ts';
import { AppError } from '../../contract/errors.ts';
import type { VmLine } from './vm-line.ts';
import { someLine } from './vms-for-tests.ts';

const at = (name: string, node: number, Namespace = 'lab', Id = 1): VmLine =>
  someLine(name, { Node: `n${node}`, Namespace, Id }, `node${node}`);
const lab = { AllBut: true, Hosts: ['n4'] };
const reach = (all: readonly VmLine[]): VmReach => ({
  attached: 'node1',
  namespaces: new Map([
    ['lab', lab],
    ['minimega', { AllBut: false, Hosts: [] }],
  ]),
  all,
});
const lines = (wish: VmWish, vms: readonly VmLine[], all = vms) =>
  vmCommands(wish, vms, reach(all)).map(({ line }) => line);

test('one line for a namespace, whatever nodes its VMs are on', () => {
  const vms = [at('web10', 2), at('web1', 1), at('web2', 3), at('db', 2, 'other')];
  expect(lines({ verb: 'start' }, vms)).toEqual(['namespace lab vm start web[1-2,10]', 'namespace other vm start db']);
});

test('the default namespace is each node’s own, so other nodes are sent the line', () => {
  const vms = [at('web1', 1, 'minimega'), at('web1', 2, 'minimega', 2), at('web2', 2, 'minimega', 3)];
  expect(lines({ verb: 'kill' }, vms)).toEqual(['vm kill uuid-web1', 'mesh send node2 vm kill web[1-2]']);
  expect(lines({ verb: 'kill' }, vms.slice(1))).toEqual(['mesh send node2 vm kill web[1-2]']);
  expect(lines({ verb: 'kill' }, vms.slice(0, 1))).toEqual(['vm kill web1']);
});

test('a VM that its namespace does not reach by name is reached by node, or by UUID', () => {
  const twice = [at('a', 2), at('a', 3, 'lab', 9), at('a', 1, 'lab', 5), at('old', 4)];
  expect(lines({ verb: 'stop' }, twice)).toEqual([
    'namespace lab vm stop uuid-a',
    'namespace lab mesh send node2 vm stop a',
    'namespace lab mesh send node3 vm stop a',
    'namespace lab mesh send node4 vm stop old',
  ]);
});

test('each VM is saved by its own line', () => {
  expect(lines({ verb: 'save', folder: 'monday' }, [at('web1', 2), at('web2', 3, 'lab', 2)])).toEqual([
    'namespace lab vm save web1 monday/web1',
    'namespace lab vm save web2 monday/web2',
  ]);
});

test('thousands of names are several lines, each of which the command language takes', () => {
  const vms = Array.from({ length: 600 }, (_, id) =>
    at(`vm-${'x'.repeat(40)}${(id * 7919) % 10_007}-${id}`, 2, 'minimega', id),
  );
  const commands = vmCommands({ verb: 'tag', key: 'a key', value: '#1 "x"' }, vms, reach(vms));
  expect(commands.map((command) => command.vms.length)).toEqual([250, 250, 100]);
  for (const { line } of commands) {
    const parsed = parseCommand(commandTable, line);
    expect(parsed.ok && parsed.command?.nested?.words).toMatchObject({ key: 'a key', value: '#1 "x"' });
  }
});

test.each<[VmWish, string]>([
  [{ verb: 'net connect', nic: 1, vlan: 'dmz' }, 'vm net <connect,> <vm target> <tap position> <vlan> [bridge]'],
  [{ verb: 'net disconnect', nic: 0 }, 'vm net <disconnect,> <vm target> <tap position>'],
  [{ verb: 'save', folder: '' }, 'vm save <vm name> <filename>'],
  [{ verb: 'save', folder: 'a b' }, 'vm save <vm name> <filename>'],
  [{ verb: 'shutdown' }, 'vm <shutdown,> <vm target> [seconds]'],
  [{ verb: 'reboot' }, 'vm <reboot,> <vm target>'],
  [{ verb: 'flush' }, 'vm <flush,> <vm target>'],
])('%j is a line of the command language', (wish, pattern) => {
  const [line = ''] = lines(wish, [at('web1', 2)]);
  const parsed = parseCommand(commandTable, line);
  expect(parsed.ok && parsed.command?.nested?.pattern.pattern).toBe(pattern);
});

test('an action is for the VMs whose state it fits, and says why it is for none', () => {
  const of = (name: string, State: (typeof vmStates)[number]) => someLine(name, { State, Vlans: [1], Aliases: [''] });
  const all = vmStates.map((state) => of(state.toLowerCase(), state));
  const fitting = (verb: VmVerb) => fitFor(verb, all).vms.map(({ vm }) => vm.Name);
  expect(fitting('start')).toEqual(['building', 'paused', 'quit', 'error']);
  expect(fitting('kill')).toEqual(['building', 'running', 'paused']);
  expect(fitting('flush')).toEqual(['quit', 'error']);
  expect(fitting('tag')).toEqual(['building', 'running', 'paused', 'quit', 'error']);
  expect(fitFor('start', [of('a', 'RUNNING'), of('b', 'QUIT'), of('c', 'RUNNING')]).rest).toBe('2 are running');
  expect(fitFor('start', [of('a', 'RUNNING'), of('b', 'LOST')]).reason).toBe(
    '1 is running, 1 is lost. Only VMs that do not run and whose node answers can be started.',
  );
  expect(fitFor('stop', [of('web1', 'LOST')]).reason).toBe('web1 is lost. Only running VMs can be stopped.');
  expect(fitFor('net connect', [of('a', 'RUNNING')], 1)).toMatchObject({ vms: [], rest: '1 has no NIC 1' });
});

const entry = (Host: string, Error = '') => ({ Host, Response: '', Header: null, Tabular: null, Error, Data: null });

test('each VM has its own result, from what its own host says', () => {
  const vms = [at('a', 1), at('b', 1, 'lab', 2), at('c', 2), at('d', 3), at('e', 4)];
  const result = outcomesOf(vms, [
    entry('node1', 'b: VM state error: b'),
    entry('node2'),
    entry('node3', 'node3 left the mesh'),
    entry('node9', 'of no interest'),
  ]);
  expect(vms.map(({ key }) => result.get(key))).toEqual([
    { is: 'done', text: '' },
    { is: 'failed', text: 'VM state error: b' },
    { is: 'done', text: '' },
    { is: 'failed', text: 'node3 left the mesh' },
    { is: 'unclear', text: 'node4 did not answer' },
  ]);
  expect(countOutcomes(result.values())).toEqual({ running: 0, done: 2, failed: 2, unclear: 1 });
});

test('one VM hears its own error; what was cut off and what nobody confirmed is unclear', () => {
  expect([...outcomesOf([at('a', 1)], [entry('node1', 'vm is already running')]).values()]).toEqual([
    { is: 'failed', text: 'vm is already running' },
  ]);
  expect([...outcomesOf([at('a', 2)], [entry('node1', 'vm not found: a')]).values()]).toEqual([
    { is: 'failed', text: 'node2 no longer has it' },
  ]);
  const many = [at('a', 1), at('b', 1, 'lab', 2)];
  expect([...outcomesOf(many, [entry('node1', 'a: full\nand 3 more VMs')]).values()].map(({ is }) => is)).toEqual([
    'failed',
    'unclear',
  ]);
  expect([...outcomesOfError(many, new AppError('timeout', 'no end')).values()].map(({ is }) => is)).toEqual([
    'unclear',
    'unclear',
  ]);
});
