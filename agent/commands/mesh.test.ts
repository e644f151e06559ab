import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { parseCommand } from '../../core/commands/parse.ts';
import { commandTable } from '../../core/commands/table.ts';
import { seededRandom, Simulation } from '../mesh/simulation.ts';
import { MeshPeers } from '../mesh/peers.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { createMeshHandlers, sendTargets } from './mesh.ts';
import type { Handlers } from './handler.ts';

let clock: VirtualClock;
let sim: Simulation;
let handlers: Handlers[];
let folder: string;
let saved: number[];
const acts: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-commands-'));
  clock = new VirtualClock();
  sim = await Simulation.create({ size: 3, degree: 2, context: 'john' }, { clock, random: seededRandom(1) });
  await sim.startAll();
  await clock.advanceUntil(() => sim.isSettled(), 10_000);
  await clock.advance(500);
  saved = [];
  acts.length = 0;
  handlers = sim.running().map((mesh, index) => {
    const peers = new MeshPeers({ mesh, roster: sim.stores[index]! });
    const host = sim.node(index).name;
    peers.serve((line, { from, namespace }) => {
      if (line === 'host' && host === 'node3') return new Promise(() => undefined);
      return Promise.resolve([
        {
          Host: host,
          Response: `${line} for ${from.name} in ${namespace}`,
          Header: null,
          Tabular: null,
          Error: '',
          Data: null,
        },
      ]);
    });
    return createMeshHandlers({
      mesh,
      peers,
      timeout: { ms: 10_000 },
      saveDegree: (degree) => {
        saved.push(degree);
        return Promise.resolve();
      },
      resolvePath: (name) => {
        if (name.includes('/')) throw new AppError('refused', `${name} is not below ${folder}`);
        return join(folder, name);
      },
      revoke: (name) => {
        acts.push(`revoke ${name}`);
        return Promise.resolve();
      },
      moveAuthority: (name) => Promise.reject(new AppError('refused', `not from here: ${name}`)),
      copyAuthority: () => ({ cluster: 'c', sealed: 'meshd-ca-1 c SEALED', code: 'AAAA-BBBB' }),
    });
  });
});
afterEach(async () => {
  await sim.stopAll();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a line on a node as the dispatcher would: an AppError becomes the host's entry. */
async function run(line: string, index = 0, signal = new AbortController().signal): Promise<ResponseEntry[]> {
  const parsed = parseCommand(commandTable, line);
  if (!parsed.ok || !parsed.command) throw new Error(`not a command: ${line}`);
  const host = sim.node(index).name;
  const handler = handlers[index]![parsed.command.pattern.pattern]!;
  const call = {
    command: parsed.command,
    origin: { via: 'socket' as const },
    host,
    namespace: 'minimega',
    signal,
    status: () => undefined,
  };
  try {
    const answer = Promise.resolve(handler(call) as Promise<ResponseEntry[]>);
    const state = { isDone: false };
    const done = () => (state.isDone = true);
    answer.then(done, done);
    await clock.advanceUntil(() => state.isDone, 20_000, 10);
    return await answer;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return [{ Host: host, Response: '', Header: null, Tabular: null, Error: error.message, Data: null }];
  }
}

const text = async (line: string, index = 0) => {
  const [entry] = await run(line, index);
  return entry!.Error || entry!.Response;
};

test('mesh status has minimega’s columns', async () => {
  const [entry] = await run('mesh status');
  expect(entry).toMatchObject({
    Host: 'node1',
    Header: ['size', 'degree', 'peers', 'context', 'port'],
    Tabular: [['3', '2', '2', 'john', '9000']],
  });
});

test('M6 mesh list is minimega’s text, and the same on every node', async () => {
  const expected = 'node1\n |--node2\n |--node3\nnode2\n |--node1\n |--node3\nnode3\n |--node1\n |--node2\n';
  for (const index of [0, 1, 2]) expect(await text('mesh list', index)).toBe(expected);
});

test('mesh list all and peers are ranges with their names as data', async () => {
  expect(await run('mesh list all')).toMatchObject([{ Response: 'node[1-3]', Data: ['node1', 'node2', 'node3'] }]);
  expect(await run('mesh list peers', 1)).toMatchObject([{ Response: 'node[1,3]', Data: ['node1', 'node3'] }]);
});

test('mesh dot marks the node itself, and is the same otherwise', async () => {
  await run('mesh dot a.dot', 0);
  await run('mesh dot b.dot', 1);
  const [a, b] = await Promise.all(['a.dot', 'b.dot'].map((name) => readFile(join(folder, name), 'utf8')));
  expect(a).toContain('"node1" [color=red];');
  expect(a).toContain('  "node1" -- "node2";\n  "node1" -- "node3";\n  "node2" -- "node3";\n}');
  expect(b!.replaceAll('red', 'green')).toBe(a!.replaceAll('red', 'green'));
  expect(b).not.toBe(a);
  expect(await text('mesh dot /etc/passwd')).toMatch(/not below/);
  await mkdir(join(folder, 'folder'));
  expect(await text('mesh dot folder')).toMatch(/^cannot write folder: /);
});

describe('mesh degree', () => {
  test('shows, sets and keeps', async () => {
    expect(await text('mesh degree')).toBe('2');
    expect(await run('mesh degree 0x10')).toMatchObject([{ Response: '', Error: '' }]);
    expect(await text('mesh degree')).toBe('16');
    expect(saved).toEqual([16]);
  });

  test.each(['1024', '-1', 'many', '1.5', '0b2', ''])('refuses %j and changes nothing', async (value) => {
    expect(await text(`mesh degree "${value}"`)).toMatch(/0 to 1023/);
    expect(saved).toEqual([]);
    expect(await text('mesh degree')).toBe('2');
  });
});

describe('mesh timeout', () => {
  test('is 10 s at first; 0 is a day', async () => {
    expect(await text('mesh timeout')).toBe('10s');
    await run('mesh timeout 90');
    expect(await text('mesh timeout')).toBe('1m30s');
    await run('mesh timeout 0');
    expect(await text('mesh timeout')).toBe('24h0m0s');
  });

  test.each(['86401', '-1', 'soon'])('refuses %s', async (value) => {
    expect(await text(`mesh timeout ${value}`)).toMatch(/invalid timeout/);
    expect(await text('mesh timeout')).toBe('10s');
  });
});

describe('mesh send', () => {
  const answers = async (line: string) =>
    Object.fromEntries((await run(line)).map((entry) => [entry.Host, entry.Error || entry.Response]));

  test('all is everyone else', async () => {
    expect(await answers('mesh send all mesh status')).toEqual({
      node2: 'mesh status for node1 in minimega',
      node3: 'mesh status for node1 in minimega',
    });
  });

  test('U3 who is silent is named at the deadline, and the others have answered', async () => {
    await run('mesh timeout 3');
    expect(await answers('mesh send all host')).toEqual({ node2: 'host for node1 in minimega', node3: 'timed out' });
  });

  test.each([
    ['vm info summary', 10_000],
    ['vm start web1', 120_000],
    ['.annotate false vm start web1', 120_000],
    ['vm shutdown web1 300', 660_000],
  ])('U3 %s has %d ms', async (line, timeoutMs) => {
    const asked: unknown[] = [];
    const refuse = () => Promise.reject(new Error('not asked'));
    const send = createMeshHandlers({
      mesh: sim.running()[0]!,
      peers: {
        names: () => [],
        send: (_targets, _line, options) => Promise.resolve((asked.push(options.timeoutMs), [])),
      },
      timeout: { ms: 10_000 },
      ...{ saveDegree: refuse, resolvePath: refuse, revoke: refuse, moveAuthority: refuse },
      copyAuthority: () => ({ cluster: '', sealed: '', code: '' }),
    })['mesh send <hostname or range or all> (command)'];
    const parsed = parseCommand(commandTable, `mesh send node2 ${line}`);
    if (!parsed.ok || !parsed.command || !send) throw new Error(`not a command: ${line}`);
    const { signal } = new AbortController();
    const call = {
      command: parsed.command,
      origin: { via: 'socket' as const },
      host: 'node1',
      namespace: 'lab',
      signal,
    };
    await send({ ...call, status: () => undefined });
    expect(asked).toEqual([timeoutMs]);
  });

  test('U3 unknown and absent nodes are named', async () => {
    sim.kill(2);
    await clock.advance(1_000);
    expect(await answers('mesh send node[2-4] version')).toEqual({
      node2: 'version for node1 in minimega',
      node3: 'node3 is not in the mesh now',
      node4: 'no node node4 in the roster',
    });
  });

  test('oneself is left out, and alone is an error', async () => {
    expect(Object.keys(await answers('mesh send node[1-2] version'))).toEqual(['node2']);
    expect(await text('mesh send node1 version')).toBe('cannot mesh send yourself');
  });

  test('all stands alone', () => {
    expect(() => sendTargets('all,node2', { self: 'node1', names: () => [] })).toThrow(
      'wildcard included amongst list of recipients',
    );
  });

  test('U4 Cancel ends it', async () => {
    const controller = new AbortController();
    const pending = run('mesh send node3 host', 0, controller.signal);
    await clock.advance(100, 10);
    controller.abort();
    expect(await pending).toMatchObject([{ Host: 'node3', Error: 'cancelled' }]);
  });
});

test('mesh dial and hangup have minimega’s errors', async () => {
  expect(await text('mesh dial node1')).toBe('cannot mesh dial yourself');
  expect(await text('mesh dial node2')).toBe('already connected to node2');
  expect(await text('mesh dial nowhere')).toMatch(/^dial nowhere: /);
  expect(await text('mesh hangup node9')).toBe('no such client node9');
  expect(await text('mesh hangup node2')).toBe('');
});

test.each(['mesh dial', 'mesh hangup', 'mesh revoke', 'mesh ca move'])(
  '%s takes one node, and says what to write',
  async (line) => {
    expect(await text(`${line} node[2-3]`)).toContain('a range of 2 names: this takes one at a time, such as `node2`');
    expect(await text(`${line} node[01-3]`)).toContain('node[01-03]');
    expect(await text(`${line} 10.0.0.10-20`)).toContain('10.0.0.[10-20]');
    expect(acts).toEqual([]);
  },
);

test('the error for an unknown node1-3 shows what a range looks like', async () => {
  expect(await text('mesh dial node1-3')).toMatch(/; for a node range write `node\[1-3\]`$/);
  expect(await text('mesh hangup node1-3')).toBe('no such client node1-3; for a node range write `node[1-3]`');
});

test('mesh revoke goes to the roster, and never for the node itself', async () => {
  expect(await text('mesh revoke node3')).toMatch(/node3 is revoked/);
  expect(await text('mesh revoke node1')).toMatch(/cannot revoke itself/);
  expect(acts).toEqual(['revoke node3']);
});

test('mesh ca copy shows the copy and its code, and gives both to programs', async () => {
  expect(await text('mesh ca copy')).toMatch(/^meshd-ca-1 c SEALED\n\nrecovery code: AAAA-BBBB\n/);
});

test('mesh ca move says why not', async () => {
  expect(await text('mesh ca move node2')).toBe('not from here: node2');
});
