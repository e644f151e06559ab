import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CommandResponse } from '../../contract/command-socket.ts';
import { responseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import type { FleetDelta } from '../../contract/fleet.ts';
import { maxBrowserAnswerBytes, maxFleetNodes } from '../../contract/limits.ts';
import type { Role } from '../../contract/roles.ts';
import { applyFleetDelta, deltaFit, fleetFromSnapshot, type FleetView } from '../../core/fleet-view.ts';
import { createMeshdEngine } from '../engines/meshd/engine.ts';
import { MemoryMesh, ringOfNodes } from '../engines/meshd/memory-mesh.ts';
import type { CommandCall, StoredCluster, StoredHost } from '../ports.ts';
import type { AttachmentTimes } from './attachment.ts';
import { boundedAnswer } from './commands.ts';
import { Fleet } from './fleet.ts';

const times: AttachmentTimes = {
  helloEveryMs: 40,
  helloTimeoutMs: 80,
  firstHelloTimeoutMs: 200,
  attachTimeoutMs: 500,
  staggerMs: 20,
  firstPauseMs: 20,
  maxPauseMs: 50,
  lostAfterMs: 200,
  calmMs: 2_000,
};
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const cluster = (part: Partial<StoredCluster> = {}): StoredCluster => ({
  id: 'c',
  context: 'john',
  engine: 'meshd',
  socketPaths: [],
  addedAt: 0,
  ...part,
});
const host = (name: string, part: Partial<StoredHost> = {}): StoredHost => ({
  id: `h-${name}`,
  name,
  addresses: ['10.0.0.1'],
  port: 22,
  user: 'root',
  needsSudo: false,
  keyId: 'k',
  pins: [],
  cluster: 'c',
  nodeId: null,
  isHead: name === 'node1',
  addedAt: 0,
  facts: null,
  ...part,
});

let mesh: MemoryMesh;
let fleet: Fleet;
let clusters: StoredCluster[];
let hosts: StoredHost[];
let view: FleetView;
let deltas: FleetDelta[];
/** Gaps that a page would have had to repair. */
let gaps: number;

beforeEach(() => {
  const { nodes, links } = ringOfNodes(5);
  mesh = new MemoryMesh({ meshId: 'c', context: 'john' }, nodes, links);
  clusters = [cluster()];
  hosts = ['node1', 'node2', 'node3'].map((name) => host(name));
  const store = {
    clusters: { list: () => Promise.resolve([...clusters]), put: unused, remove: unused },
    hosts: { list: () => Promise.resolve([...hosts]), put: unused, update: unused, remove: unused },
    keys: { get: unused, put: unused, list: unused, remove: unused },
  };
  fleet = new Fleet(
    { engines: { meshd: createMeshdEngine(mesh) }, now: () => Date.now(), log: silent, times },
    { store },
  );
  deltas = [];
  gaps = 0;
  view = fleetFromSnapshot(fleet.snapshot());
  fleet.onDelta((delta) => {
    deltas.push(delta);
    if (deltaFit(view, delta) !== 'next') gaps += 1;
    view = applyFleetDelta(view, delta);
  });
});
afterEach(async () => {
  await fleet.stop();
  expect(mesh.openConnections()).toBe(0);
  expect(gaps).toBe(0);
});

function unused(): Promise<never> {
  return Promise.reject(new Error('not used here'));
}
const state = () => view.clusters[0]?.State;
const attachedTo = () => view.clusters[0]?.AttachedTo;
const until = (check: () => void) => vi.waitFor(check, { interval: 5 });
const live = (name?: string) =>
  until(() => {
    expect([state(), attachedTo()]).toEqual(['live', name ?? attachedTo()]);
    expect(attachedTo()).not.toBe('');
  });

describe('attached', () => {
  test('to the head first, with all nodes and links', async () => {
    await fleet.start();
    await live('node1');
    await until(() => {
      expect([view.nodes.size, view.links.size]).toEqual([5, mesh.links.length]);
    });
    await until(() => {
      expect(view.clusters[0]?.RoundTripMs).not.toBeNull();
    });
    expect(view.events.map(({ Kind, Nodes }) => [Kind, ...Nodes])).toEqual([['attached', 'node1']]);
  });

  test.each(['kill', 'silence'] as const)('to another node after %s, and the page never goes blank', async (how) => {
    await fleet.start();
    await live('node1');
    mesh[how]('node1');
    const sizes = new Set<number>();
    fleet.onDelta(() => sizes.add(view.nodes.size));
    await live('node2');
    expect([...sizes]).toEqual([5]);
    expect(view.nodes.size).toBe(5);
    if (how === 'silence') expect(mesh.distrusted).toEqual([expect.stringMatching(/^ssh h-node1 /)]);
    const kinds = view.events.map(({ Kind, Nodes }) => `${Kind} ${Nodes.join()}`);
    expect(kinds).toEqual(['attached node1', 'detached node1', 'attached node2']);
  });

  test('to none: lost, with the reason and all that was known; and again when one comes back', async () => {
    await fleet.start();
    await live('node1');
    for (const name of ['node1', 'node2', 'node3']) mesh.kill(name);
    await until(() => {
      expect(state()).toBe('lost');
    });
    expect(view.clusters[0]?.Reason).toContain('it refuses SSH connections');
    expect(view.nodes.size).toBe(5);
    mesh.revive('node3');
    await live('node3');
  });

  test('a node that is slow to answer does not hold up the others', async () => {
    mesh.silence('node1');
    await fleet.start();
    await live('node2');
  });

  test('to nodes that all take longer than they are given at first: they are given longer, and the hold is kept', async () => {
    mesh.dialMs = 1.5 * times.attachTimeoutMs;
    await fleet.start();
    await until(() => {
      expect(state()).toBe('live');
    });
    await until(() => {
      expect(view.clusters[0]?.RoundTripMs).not.toBeNull();
    });
    expect(view.events.map(({ Kind }) => Kind)).toEqual(['attached']);
  });

  test('never to a node of another mesh', async () => {
    await fleet.start();
    await live('node1');
    const other = new MemoryMesh({ meshId: 'other', context: 'eve' }, ringOfNodes(2).nodes, []);
    const open = mesh.open.bind(mesh);
    mesh.open = (route, options) =>
      route.key.startsWith('ssh h-node2 ') ? other.open(route, options) : open(route, options);
    mesh.kill('node1');
    await live('node3');
    expect(view.nodes.size).toBe(5);
    expect(other.openConnections()).toBe(0);
  });

  test('nor after a restart, when it answers first; its own cluster is not kept out by that', async () => {
    const other = new MemoryMesh({ meshId: 'other', context: 'eve' }, [{ ...ringOfNodes(1).nodes[0]!, Id: 'e' }], []);
    const open = mesh.open.bind(mesh);
    mesh.open = (route, options) =>
      / h-(node1|eve) /.test(route.key) ? other.open(route, options) : open(route, options);
    await fleet.start();
    await live('node2');
    clusters = [cluster(), cluster({ id: 'other', context: 'eve' })];
    hosts.push(host('eve', { cluster: 'other' }));
    await fleet.reload();
    await until(() => expect(view.clusters[1]).toMatchObject({ Id: 'other', State: 'live' }));
    expect(state()).toBe('live');
    await fleet.stop();
    expect(other.openConnections()).toBe(0);
  });

  test('a mesh is one cluster, however many ways lead to it', async () => {
    await fleet.start();
    await live('node1');
    clusters = [cluster(), cluster({ id: 'local', socketPaths: ['node4'] })];
    await fleet.reload();
    await until(() => {
      expect(view.clusters[1]).toMatchObject({ State: 'lost' });
    });
    expect(view.clusters[1]?.Reason).toContain('the cluster john, which is here already');
    expect([...view.nodes.values()].map(({ Cluster }) => Cluster)).toEqual(Array(5).fill('c'));
  });

  test('never to one that sends more than any cluster has', async () => {
    const huge = Array.from({ length: maxFleetNodes + 1 }, (_, index) => ({
      ...ringOfNodes(1).nodes[0]!,
      Id: `${index}`,
    }));
    // Its own table takes no more than a cluster has.
    mesh.more = huge;
    hosts = [host('node1')];
    await fleet.start();
    await until(() => {
      expect(state()).toBe('lost');
    });
    expect(view.clusters[0]?.Reason).toContain(`more than the ${maxFleetNodes}`);
    expect(view.nodes.size).toBe(0);
  });
});

describe('changes', () => {
  test('come as deltas, a burst as one', async () => {
    await fleet.start();
    await live();
    await until(() => expect(view.nodes.size).toBe(5));
    const node = mesh.nodes[4]!;
    for (let degree = 4; degree < 40; degree += 1) mesh.change([{ ...node, Degree: degree }]);
    await until(() => expect(view.nodes.get(node.Id)?.Degree).toBe(39));
    expect(
      deltas.filter(({ Kinds }) => Kinds['nodes']?.put.some(({ Id }) => Id === node.Id)).length,
    ).toBeLessThanOrEqual(3);
    mesh.change([{ ...node, State: 'absent', Degree: null }], [], mesh.dropLinksOf(node.Id));
    await until(() => expect(view.nodes.get(node.Id)?.State).toBe('absent'));
    expect(view.nodes.get(node.Id)?.LostAt).toBeGreaterThan(0);
    expect(view.events.map(({ Kind }) => Kind)).toContain('node-down');
  });

  test('a snapshot and the deltas after it fit, whenever it is taken', async () => {
    await fleet.start();
    await live();
    const node = mesh.nodes[0]!;
    for (let degree = 4; degree < 20; degree += 1) {
      mesh.change([{ ...node, Degree: degree }]);
      await new Promise((resolve) => setTimeout(resolve, 7));
      expect(fleet.snapshot().Revision).toBe(view.revision);
    }
  });

  test('of the store are taken over: clusters come and go, and so do ways', async () => {
    clusters = [];
    await fleet.start();
    expect(view.clusters).toEqual([]);
    clusters = [cluster()];
    hosts = [];
    await fleet.reload();
    await until(() => expect(view.clusters[0]?.Reason).toContain('Add nodes'));
    hosts = [host('node4')];
    await fleet.reload();
    await live('node4');
    hosts = [host('node5')];
    await fleet.reload();
    await live('node5');
    clusters = [];
    await fleet.reload();
    await until(() => expect([view.clusters.length, view.nodes.size]).toEqual([0, 0]));
  });
});

describe('commands', () => {
  let answers: CommandResponse[];
  beforeEach(async () => {
    answers = [];
    await fleet.start();
    await live('node1');
    await until(() => expect(view.nodes.size).toBe(5));
  });
  const call = (line: string, part: Partial<Omit<CommandCall, 'caller'>> & { role?: Role } = {}) =>
    fleet.runCommand({
      cluster: 'c',
      node: 'node1',
      line,
      session: '',
      timeoutMs: 1_000,
      signal: new AbortController().signal,
      onAnswer: (answer) => answers.push(answer),
      ...part,
      caller: { userId: 'u', name: 'Ann', role: part.role ?? 'admin' },
    });

  test('passes on answers as they are, and reports errors', async () => {
    expect(await call('mesh status')).toEqual({ failed: false });
    expect(answers.map(({ Rendered }) => Rendered)).toEqual(['mesh status']);
    mesh.answer = () => [
      { Rendered: 'working', Status: true },
      { Resp: [responseEntry('node1', { Error: 'no' })], Rendered: '' },
    ];
    expect(await call('mesh status')).toEqual({ failed: true });
    expect(answers.slice(1).map(({ Rendered, Status }) => [Rendered, Status])).toEqual([
      ['working', true],
      ['', false],
    ]);
    expect(await call('  # nothing')).toEqual({ failed: false });
  });

  test.each([
    ['viewer', 'mesh degree 4', /needs the role admin/],
    ['viewer', 'mesh send all mesh degree 4', /needs the role admin/],
    ['viewer', '.json true quit', /needs the role admin/],
    ['viewer', 'echo $SECRET', /variables .* need the role operator/],
    ['viewer', 'nonsense', /invalid command/],
    ['operator', 'mesh send node2 capture pcap vm web 0 x.pcap by=Bob', /your own name, Ann/],
    ['operator', 'quit', /needs the role admin/],
    ['operator', 'read x', /needs the role admin/],
    ['admin', 'mesh status\nquit', /one line at a time/],
  ] as const)('%s may not: %j', async (role, line, message) => {
    await expect(call(line, { role })).rejects.toThrow(message);
    expect(mesh.lines).toEqual([]);
  });

  test('go to a node by its own socket, or through the mesh where less is allowed', async () => {
    await call('mesh status', { node: 'node3' });
    await call('mesh status', { node: 'node4' });
    await call('mesh status', { node: '' });
    expect(mesh.lines).toEqual(['node3: mesh status', 'node1: mesh send node4 mesh status', 'node1: mesh status']);
    await expect(call('quit', { node: 'node4' })).rejects.toThrow(/via meshage/);
    await expect(call('mesh status', { node: 'node9' })).rejects.toMatchObject({ code: 'not-found' });
    await expect(call('mesh status', { cluster: 'x' })).rejects.toMatchObject({ code: 'not-found' });
    mesh.kill('node3');
    await call('mesh status', { node: 'node3' });
    expect(mesh.lines.at(-1)).toBe('node1: mesh send node3 mesh status');
  });

  test('a session has its own connection, and its settings affect no one else', async () => {
    const opened = vi.spyOn(mesh, 'open');
    await call('.csv true', { session: 'a' });
    await call('host', { session: 'a' });
    expect(opened).toHaveBeenCalledTimes(1);
    await call('host', { session: 'b' });
    expect(opened).toHaveBeenCalledTimes(2);
    await call('mesh status');
    await call('mesh status');
    expect(opened).toHaveBeenCalledTimes(3);
    await call('.csv true');
    await call('mesh status');
    expect(opened).toHaveBeenCalledTimes(4);
    for (const name of ['node1', 'node2']) {
      mesh.kill(name);
      mesh.revive(name);
    }
    await live();
    answers = [];
    await call('host', { session: 'a' });
    expect(answers.map(({ Rendered }) => Rendered)).toEqual([
      expect.stringContaining('back to their defaults'),
      'host',
    ]);
  });

  test('are cancelled by their caller, and end at their deadline', async () => {
    mesh.answer = () => new Promise(() => undefined);
    const abort = new AbortController();
    const running = call('mesh status', { signal: abort.signal, timeoutMs: 200 });
    setTimeout(() => abort.abort(), 20);
    await expect(running).rejects.toBeInstanceOf(AppError);
    await expect(call('mesh status', { timeoutMs: 50 })).rejects.toMatchObject({ code: 'timeout' });
  });

  test('are not completed with the names of variables for a viewer', async () => {
    const signal = new AbortController().signal;
    const suggest = (text: string, role: Role) => fleet.suggest({ cluster: '', node: '', text, role, signal });
    for (const text of ['echo $', 'echo $S', 'mesh send all echo $', '.json true echo $', '.env ', '.env S']) {
      expect(await suggest(text, 'viewer'), text).toEqual([]);
      expect(await suggest(text, 'operator'), text).toEqual([`${text}x `]);
    }
  });

  test('are completed by the node', async () => {
    const signal = new AbortController().signal;
    expect(await fleet.suggest({ cluster: '', node: '', text: 'mesh ', role: 'viewer', signal })).toEqual(['mesh x ']);
    expect(await fleet.suggest({ cluster: 'c', node: 'node4', text: 'ho', role: 'viewer', signal })).toEqual(['hox ']);
  });
});

test('an answer that is too long for a browser loses its Data before its table', () => {
  const table = { Header: ['name'], Tabular: [['web1']] };
  const whole = {
    Resp: [responseEntry('n', { ...table, Data: 'x'.repeat(maxBrowserAnswerBytes) }), responseEntry('m', { Data: 1 })],
    Rendered: 'web1',
    More: false,
    Status: false,
  };
  expect(boundedAnswer(whole)).toEqual({
    ...whole,
    Resp: [responseEntry('n', { ...table, Data: null }), responseEntry('m', { Data: 1 })],
  });
});

test('an answer that is too long for a browser is cut, and says so', () => {
  const whole = { Resp: [responseEntry('n', { Response: 'x' })], Rendered: 'x', More: false, Status: false };
  expect(boundedAnswer(whole)).toBe(whole);
  const text = '\u0001'.repeat(maxBrowserAnswerBytes);
  const cut = boundedAnswer({ ...whole, Rendered: text, Resp: [responseEntry('n', { Response: text, Error: text })] });
  expect(Buffer.byteLength(JSON.stringify(cut))).toBeLessThanOrEqual(maxBrowserAnswerBytes);
  expect(cut.Rendered).toMatch(/too many for a browser: use meshd -attach/);
  expect(cut.Resp?.[0]?.Error).not.toBe('');
});
