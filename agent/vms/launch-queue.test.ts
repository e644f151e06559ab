import { beforeEach, expect, test } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { defaultConfig, type VmConfig } from '../../core/vms/config.ts';
import { withPlaced, type LaunchOrder, type PlacedVm } from './launch-plan.ts';
import { LaunchQueue } from './launch-queue.ts';
import type { Survey } from './vm-host.ts';

const options = { signal: new AbortController().signal, status: () => undefined };
const order = (names: readonly string[], config: Partial<VmConfig> = {}): LaunchOrder => ({
  names: { names },
  config: { ...defaultConfig, ...config },
});
let launched: string[];
let refuse: string;
let queue: LaunchQueue;

const namesOf = ({ names }: LaunchOrder) => ('names' in names ? names.names : [`${names.count}`]);

beforeEach(() => {
  launched = [];
  refuse = '';
  queue = new LaunchQueue({
    hosts: () => ['node1', 'node2'],
    names: () => ['old'],
    launcher: {
      // Each goes to the host with fewer of those before it.
      place: (_namespace, each, { before }) => {
        const count = (host: string) => before.filter((vm) => vm.host === host).length;
        const host = count('node2') < count('node1') ? 'node2' : 'node1';
        return Promise.resolve(namesOf(each).map((name): PlacedVm => ({ name, uuid: '', config: each.config, host })));
      },
      launch: (_namespace, each) => {
        const names = namesOf(each);
        if (names.includes(refuse)) return Promise.reject(new AppError('refused', `${refuse} cannot be`));
        launched.push(`${names.join('+')} on ${each.config.schedule || 'any'} with ${each.config.memory}`);
        return Promise.resolve({
          vms: names.map((name) => ({ name, host: 'node1', is: 'launched' as const, error: '' })),
          notes: [],
        });
      },
    },
  });
});

test('what is queued keeps its configuration, and is launched line by line', async () => {
  queue.add('exp', order(['a', 'b'], { memory: 64 }));
  queue.add('exp', { names: { count: 3 }, config: { ...defaultConfig, memory: 128 } });
  expect(queue.describe('exp')).toMatch(
    /^VMs: 2\nNames: \[?.*a.*b.*\n?VM Type: kvm\n\nVM configuration:\nMemory: +64\n[^]*VMs: 3\nVM Type/,
  );
  expect(queue.describe('other')).toBe('');
  await queue.launch('exp', options);
  expect(launched).toEqual(['a+b on any with 64', '3 on any with 128']);
  await expect(queue.launch('exp', options)).rejects.toThrow('at least one queued VM');
});

test('names are taken once, in minimega’s words', () => {
  queue.add('exp', order(['a']));
  expect(() => queue.add('exp', order(['b', 'a']))).toThrow('vm already queued with name `a`');
  expect(() => queue.add('exp', order(['old']))).toThrow('vm already exists with name `old`');
  queue.add('other', order(['a']));
  queue.flush('exp');
  queue.add('exp', order(['a']));
});

test('a dry-run chooses hosts, each line after the ones before it; mv changes that, and the launch follows', async () => {
  queue.add('exp', order(['a']));
  queue.add('exp', order(['b', 'c'], { colocate: 'a' }));
  expect(() => queue.dump('exp')).toThrow('must run dry-run first');
  expect(() => queue.move('exp', 'a', 'node2')).toThrow('must run dry-run first');
  const rows = () => queue.dump('exp').map(({ name, host }) => `${name} ${host}`);
  await queue.dryRun('exp', options);
  expect(rows()).toEqual(['a node1', 'b node2', 'c node2']);
  expect(() => queue.move('exp', 'a', 'node9')).toThrow('new dst host is not in namespace');
  expect(() => queue.move('exp', 'nope', 'node1')).toThrow('reassign nope: vm not found');
  queue.move('exp', 'c', 'node1');
  expect(rows()).toEqual(['a node1', 'b node2', 'c node1']);
  await queue.launch('exp', options);
  expect(launched).toEqual(['a on node1 with 2048', 'b on node2 with 2048', 'c on node1 with 2048']);
  // What comes after a dry-run is not in it.
  queue.add('exp', order(['d']));
  expect(() => queue.dump('exp')).toThrow('must run dry-run first');
});

test('a line that cannot be launched stays queued, the others are launched', async () => {
  for (const name of ['a', 'b', 'c']) queue.add('exp', order([name]));
  refuse = 'b';
  const { vms, notes } = await queue.launch('exp', options);
  expect([vms.map(({ name }) => name), notes]).toEqual([['a', 'c'], ['still queued: b cannot be']]);
  await expect(queue.launch('exp', options)).rejects.toThrow('b cannot be');
  refuse = '';
  await queue.launch('exp', options);
  expect(launched.at(-1)).toContain('b on any');
  queue.add('exp', order(['d']));
  await expect(queue.launch('exp', { ...options, signal: AbortSignal.abort() })).rejects.toThrow('cancelled');
  expect(queue.describe('exp')).toContain('VMs: 1');
});

test('hosts have less room once earlier lines are on them', () => {
  const host = { name: 'node1', cpus: 4, memoryMb: 8192, committedCpus: 1, committedMemoryMb: 100, committedNets: 0 };
  const survey: Survey = {
    host: { ...host, vmLimit: -1, vms: [] },
    taken: { names: ['x'], uuids: [], macs: [] },
    missing: [],
    issues: [],
    warning: '',
  };
  const vm: PlacedVm = { name: 'a', uuid: 'u', host: 'node1', config: { ...defaultConfig, vcpus: 2, memory: 64 } };
  const after = withPlaced(
    new Map([
      ['node1', survey],
      ['node2', survey],
    ]),
    'exp',
    [vm],
  );
  expect(after.get('node1')).toMatchObject({
    host: { committedCpus: 3, committedMemoryMb: 164, vms: [{ name: 'a', namespace: 'exp' }] },
    taken: { names: ['x', 'a'], uuids: ['u'] },
  });
  expect(after.get('node2')).toEqual(survey);
});
