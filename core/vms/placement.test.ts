import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeVms, type PlacementHost, type PlacementRequest } from './placement.ts';

const options = { load: 'cpucommit', namespace: 'exp' } as const;

function host(name: string, more: Partial<PlacementHost> = {}): PlacementHost {
  return {
    name,
    cpus: 4,
    memoryMb: 8192,
    committedCpus: 0,
    committedMemoryMb: 0,
    committedNets: 0,
    vmLimit: -1,
    vms: [],
    ...more,
  };
}

function vm(name: string, more: Partial<PlacementRequest> = {}): PlacementRequest {
  return { name, vcpus: 1, memoryMb: 1024, nets: 1, schedule: '', colocate: '', coschedule: -1, ...more };
}

const place = (hosts: PlacementHost[], requests: PlacementRequest[]) => placeVms(hosts, requests, options);

describe('placement', () => {
  it('spreads VMs over the least loaded hosts, by processors per processor', () => {
    const { placed } = place(
      [host('node1', { cpus: 8 }), host('node2', { cpus: 4 })],
      [1, 2, 3, 4, 5, 6].map((n) => vm(`a${n}`)),
    );
    const on = (name: string) => [...placed.values()].filter((one) => one === name).length;
    expect([on('node1'), on('node2')]).toEqual([4, 2]);
  });

  it('counts what a host has already, by processors, memory or NICs', () => {
    const hosts = [
      host('node1', { committedCpus: 1, committedMemoryMb: 0, committedNets: 2 }),
      host('node2', { committedCpus: 0, committedMemoryMb: 1, committedNets: 3 }),
      host('node3', { committedCpus: 2, committedMemoryMb: 2, committedNets: 0 }),
    ];
    const by = (load: 'cpucommit' | 'memcommit' | 'netcommit') =>
      placeVms(hosts, [vm('a')], { ...options, load }).placed.get('a');
    expect([by('cpucommit'), by('memcommit'), by('netcommit')]).toEqual(['node2', 'node1', 'node3']);
  });

  it('keeps a schedule, and those who colocate with it', () => {
    const { placed } = place(
      [host('node1'), host('node2', { committedCpus: 100 })],
      [vm('c', { colocate: 'b' }), vm('b', { colocate: 'a' }), vm('a', { schedule: 'node2' })],
    );
    expect(Object.fromEntries(placed)).toEqual({ a: 'node2', b: 'node2', c: 'node2' });
  });

  it('colocates with a VM of the namespace that runs already, not with one of another namespace', () => {
    const vms = [{ name: 'old', namespace: 'exp', coschedule: -1 }];
    const other = [{ name: 'theirs', namespace: 'x', coschedule: -1 }];
    const result = place(
      [host('node1', { vms: other }), host('node2', { vms })],
      [vm('a', { colocate: 'old' }), vm('b', { colocate: 'theirs' })],
    );
    expect(result.placed.get('a')).toBe('node2');
    expect(result.violations.get('b')).toBe('nonexistent colocate VMs: [theirs]');
  });

  it('gives a VM that wants to be alone its own host, and refuses the one for which no host is left', () => {
    const { placed, violations } = place(
      [host('node1'), host('node2')],
      [vm('a'), vm('b', { coschedule: 0 }), vm('c', { coschedule: 0 })],
    );
    expect([...placed.keys()].sort()).toEqual(['b', 'c']);
    expect(violations.get('a')).toBe(
      'none of 2 hosts takes it: too many VMs scheduled on node1 for coschedule requirement of 0',
    );
  });

  it('does not join a VM that runs already and wants to be alone', () => {
    const vms = [{ name: 'old', namespace: 'x', coschedule: 0 }];
    const { violations } = place([host('node1', { vms })], [vm('a')]);
    expect(violations.get('a')).toBe('too many VMs scheduled on node1 for coschedule requirement of 0');
  });

  it.each([
    ['no hosts', [], vm('a'), 'no hosts to schedule VMs on'],
    [
      'a host that is not there',
      [host('node1')],
      vm('a', { schedule: 'node9' }),
      'VM scheduled on unknown host: `node9`',
    ],
    ['a VM that is not there', [host('node1')], vm('a', { colocate: 'x' }), 'nonexistent colocate VMs: [x]'],
    [
      'more memory than any host has',
      [host('node1'), host('node2', { memoryMb: 16384 })],
      vm('a', { memoryMb: 20000 }),
      'it takes 20000 MB, and no host has more than 16384 MB',
    ],
    [
      'a host without room',
      [host('node1', { committedMemoryMb: 8000 }), host('node2')],
      vm('a', { schedule: 'node1' }),
      'node1 has 192 MB of its 8192 MB left, and this takes 1024 MB',
    ],
    ['a limit of VMs', [host('node1', { vmLimit: 0 })], vm('a'), 'node1 has a limit of 0 VMs, and 0 already'],
  ])('%s', (_name, hosts, request, text) => {
    const result = place(hosts, [request]);
    expect(result.placed.size).toBe(0);
    expect(result.violations.get('a')).toBe(text);
  });

  it('refuses a group that is bound to two hosts, all of it', () => {
    const { placed, violations } = place(
      [host('node1'), host('node2')],
      [vm('a', { schedule: 'node1' }), vm('b', { schedule: 'node2', colocate: 'a' })],
    );
    const text = 'VMs that share a host are bound to several: node1, node2';
    expect([placed.size, violations.get('a'), violations.get('b')]).toEqual([0, text, text]);
  });

  it('closes a circle of colocations', () => {
    const { placed } = place(
      [host('node1'), host('node2')],
      [vm('a', { colocate: 'b' }), vm('b', { colocate: 'c' }), vm('c', { colocate: 'a' })],
    );
    expect(new Set(placed.values()).size).toBe(1);
  });
});

const hostNames = ['node1', 'node2', 'node3', 'node4'];
const vmNames = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const existing = fc.record({
  name: fc.constantFrom('old1', 'old2', 'old3'),
  namespace: fc.constantFrom('exp', 'other'),
  coschedule: fc.constantFrom(-1, -1, 0, 3, 8),
});
const someHosts = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom(...hostNames),
    cpus: fc.integer({ min: 1, max: 8 }),
    memoryMb: fc.integer({ min: 0, max: 8000 }),
    committedCpus: fc.integer({ min: 0, max: 8 }),
    committedMemoryMb: fc.integer({ min: 0, max: 4000 }),
    committedNets: fc.integer({ min: 0, max: 8 }),
    vmLimit: fc.constantFrom(-1, -1, 1, 3, 5),
    vms: fc.array(existing, { maxLength: 2 }),
  }),
  { selector: ({ name }) => name, maxLength: 4 },
);
const someRequests = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom(...vmNames),
    vcpus: fc.integer({ min: 1, max: 4 }),
    memoryMb: fc.integer({ min: 1, max: 3000 }),
    nets: fc.integer({ min: 0, max: 3 }),
    schedule: fc.constantFrom('', '', '', ...hostNames, 'node9'),
    colocate: fc.constantFrom('', '', '', ...vmNames, 'old1', 'old2', 'nobody'),
    coschedule: fc.constantFrom(-1, -1, -1, 0, 1, 2, 5),
  }),
  { selector: ({ name }) => name, maxLength: 8 },
);
const load = fc.constantFrom('cpucommit', 'memcommit', 'netcommit');

describe('placement, for any hosts and requests', () => {
  it('places every VM once or says why not', () => {
    fc.assert(
      fc.property(someHosts, someRequests, load, (hosts, requests, kind) => {
        const { placed, violations } = placeVms(hosts, requests, { namespace: 'exp', load: kind });
        for (const { name } of requests) expect(placed.has(name)).toBe(!violations.has(name));
        expect(placed.size + violations.size).toBe(requests.length);
        for (const text of violations.values()) expect(text).not.toBe('');
      }),
    );
  });

  it('keeps schedule, colocate and coschedule', () => {
    fc.assert(
      fc.property(someHosts, someRequests, load, (hosts, requests, kind) => {
        const { placed } = placeVms(hosts, requests, { namespace: 'exp', load: kind });
        const countOn = (name: string) =>
          (hosts.find((one) => one.name === name)?.vms.length ?? 0) +
          [...placed.values()].filter((on) => on === name).length;
        for (const request of requests) {
          const on = placed.get(request.name);
          if (on === undefined) continue;
          if (request.schedule !== '') expect(on).toBe(request.schedule);
          if (request.coschedule >= 0) expect(countOn(on) - 1).toBeLessThanOrEqual(request.coschedule);
          if (request.colocate !== '' && requests.some(({ name }) => name === request.colocate)) {
            expect(placed.get(request.colocate)).toBe(on);
          } else if (request.colocate !== '') {
            const at = hosts.find(({ name }) => name === on);
            expect(at?.vms.some((vm) => vm.name === request.colocate && vm.namespace === 'exp')).toBe(true);
          }
        }
        for (const { name, vms } of hosts) {
          if (![...placed.values()].includes(name)) continue;
          for (const { coschedule } of vms)
            if (coschedule >= 0) expect(countOn(name) - 1).toBeLessThanOrEqual(coschedule);
        }
      }),
    );
  });

  it('never gives a host more memory or VMs than it has', () => {
    fc.assert(
      fc.property(someHosts, someRequests, load, (hosts, requests, kind) => {
        const { placed } = placeVms(hosts, requests, { namespace: 'exp', load: kind });
        for (const one of hosts) {
          const here = requests.filter(({ name }) => placed.get(name) === one.name);
          if (here.length === 0) continue;
          const memory = here.reduce((all, { memoryMb }) => all + memoryMb, one.committedMemoryMb);
          expect(memory).toBeLessThanOrEqual(one.memoryMb);
          if (one.vmLimit >= 0) expect(one.vms.length + here.length).toBeLessThanOrEqual(one.vmLimit);
        }
      }),
    );
  });

  it('gives the same answer for hosts and requests in another order', () => {
    fc.assert(
      fc.property(someHosts, someRequests, load, (hosts, requests, kind) => {
        const options = { namespace: 'exp', load: kind };
        const one = placeVms(hosts, requests, options);
        const other = placeVms([...hosts].reverse(), [...requests].reverse(), options);
        const sorted = (map: ReadonlyMap<string, string>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
        expect(sorted(other.placed)).toEqual(sorted(one.placed));
        expect(sorted(other.violations)).toEqual(sorted(one.violations));
      }),
    );
  });
});
