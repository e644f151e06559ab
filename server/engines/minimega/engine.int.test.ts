// minimega as an engine, by the suite of all engines and by what only a minimega does, on a double that follows the recordings.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { clusterKinds } from '../../../contract/cluster-kinds.ts';
import type { CommandResponse } from '../../../contract/command-socket.ts';
import type { RowData } from '../../../contract/kinds.ts';
import { DoubleMinimega } from '../../../lab/minimega/double.ts';
import { changedRows } from '../../../core/rows.ts';
import { describeEngine, type EngineUnderTest } from '../engine-compliance.ts';
import type { Engine, EngineConnection } from '../engine.ts';
import { localRoute } from '../route.ts';
import { createMinimegaEngine } from './engine.ts';
import { MinimegaSockets } from './sockets.ts';
import { pollTimes, type PollTimes } from './cluster-poll.ts';

const nobody = () => Promise.reject(new Error('not used here'));
const quick: PollTimes = {
  ...pollTimes,
  fastMs: 20,
  nearMs: 50,
  farMs: 50,
  rareMs: 100,
  waitingMs: 200,
  idleShare: 1,
  activeShare: 1,
};
const newEngine = (times = quick): Engine =>
  createMinimegaEngine(new MinimegaSockets({ keys: { get: nobody } }), times);

async function listen(path: string, take: Parameters<typeof createServer>[1]): Promise<Server> {
  await mkdir(dirname(path), { recursive: true });
  const server = createServer({ allowHalfOpen: true }, take);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

async function make(): Promise<EngineUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'double-'));
  const double = await DoubleMinimega.start({ folder, names: ['node1', 'node2'] });
  const silent = await listen(join(folder, 'silent', 'minimega'), (socket) => socket.resume());
  const echo = await listen(join(double.baseOf('node1'), '0', 'serial0'), (socket) =>
    socket.on('error', () => undefined).pipe(socket),
  );
  return {
    engine: newEngine(),
    route: localRoute(double.socketOf('node1')),
    closedRoute: localRoute(join(folder, 'none')),
    silentRoute: localRoute(join(folder, 'silent', 'minimega')),
    names: ['node1', 'node2'],
    lines: { good: 'mesh status', bad: 'vm start nobody', waiting: 'mesh send node2 version' },
    holdUp: () => {
      double.silence('node2', true);
      return () => double.silence('node2', false);
    },
    change: () => {
      const node = double.nodes.get('node1');
      if (node) node.degree += 1;
      return Promise.resolve();
    },
    stream: { echo: 'serial', args: { vm: 0, port: 0, input: true }, otherNode: null },
    stop: async () => {
      silent.close();
      echo.close();
      await double.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

describeEngine('minimega', make);

describe('a minimega', () => {
  const endings: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end();
  });

  async function startDouble(names: readonly string[]): Promise<DoubleMinimega> {
    const folder = await mkdtemp(join(tmpdir(), 'double-'));
    const double = await DoubleMinimega.start({ folder, names });
    endings.push(
      () => rm(folder, { recursive: true, force: true }),
      () => double.stop(),
    );
    return double;
  }

  async function open(engine: Engine, double: DoubleMinimega, name = 'node1'): Promise<EngineConnection> {
    const route = localRoute(double.socketOf(name));
    const connection = await engine.open(route, { timeoutMs: 10_000, signal: new AbortController().signal });
    endings.push(() => connection.close());
    return connection;
  }

  /** Follows the rows until `isSo` holds. */
  async function follow(
    connection: EngineConnection,
    isSo: (rows: Readonly<Record<string, readonly RowData[]>>, trouble: string) => boolean,
  ): Promise<Readonly<Record<string, readonly RowData[]>>> {
    let tables: Record<string, ReadonlyMap<string, RowData>> = {};
    let trouble = '';
    for await (const change of connection.changes(clusterKinds)) {
      if (change.begins) tables = {};
      trouble = change.trouble ?? trouble;
      for (const kind of clusterKinds) {
        const { put, gone } = change.rows[kind.name] ?? { put: [], gone: [] };
        for (const row of put) kind.change.parse(row);
        tables[kind.name] = changedRows(kind, tables[kind.name] ?? new Map<string, RowData>(), { put, gone });
      }
      const rows = Object.fromEntries(Object.entries(tables).map(([name, table]) => [name, [...table.values()]]));
      if (isSo(rows, trouble)) return rows;
    }
    throw new Error('the changes ended');
  }

  async function run(connection: EngineConnection, line: string): Promise<CommandResponse[]> {
    const answers: CommandResponse[] = [];
    for await (const answer of connection.run(line, { deadline: AbortSignal.timeout(20_000) })) answers.push(answer);
    return answers;
  }

  const tableOf = (answers: readonly CommandResponse[]) =>
    answers.flatMap(({ Resp }) => (Resp ?? []).flatMap(({ Tabular }) => Tabular ?? []));
  const errorsOf = (answers: readonly CommandResponse[]) =>
    answers.flatMap(({ Resp }) => (Resp ?? []).map((entry) => entry.Error));

  test('shows VMs, taps, VLANs, namespaces, hosts and files of all nodes as rows', async () => {
    const double = await startDouble(['node1', 'node2', 'node3']);
    const engine = newEngine();
    const user = await open(engine, double);
    await run(user, 'namespace exp');
    await run(user, 'vm config networks lan');
    await run(user, 'vm config memory 128');
    expect(errorsOf(await run(user, 'vm launch kvm web[1-2]'))).toEqual(['']);
    await run(user, 'vm start web1');
    await run(user, 'vm tag web1 role front');
    const rows = await follow(await open(engine, double), ({ vms = [], hosts = [], files = [], taps = [] }) => {
      return (
        vms.some((vm) => vm['State'] === 'RUNNING') && hosts.length === 3 && files.length === 9 && taps.length === 2
      );
    });
    const byName = new Map(rows['vms']?.map((vm) => [vm['Name'], vm]));
    expect(byName.get('web1')).toMatchObject({
      State: 'RUNNING',
      Namespace: 'exp',
      Memory: 128,
      Vlans: [101],
      Aliases: ['lan'],
      Tags: ['role=front'],
    });
    expect(byName.get('web2')).toMatchObject({ State: 'BUILDING' });
    expect(rows['taps']?.[0]).toMatchObject({ Bridge: 'mega_bridge', Vlan: 101, Alias: 'lan' });
    expect(rows['vlans']).toMatchObject([{ Vlan: 101, Namespace: 'exp', Alias: 'lan', Clash: false }]);
    expect(rows['namespaces']?.map((row) => [row['Name'], row['Vms']])).toEqual([
      ['minimega', 0],
      ['exp', 2],
    ]);
    expect(new Set(rows['files']?.map((file) => `${String(file['Name'])}: ${String(file['Format'])}`))).toEqual(
      new Set(['initrd.gz: initrd', 'web.qcow2: qcow2', 'linux/vmlinuz: kernel']),
    );
    expect(rows['links']).toHaveLength(3);
    expect(rows['nodes']?.map((node) => node['Degree'])).toEqual([2, 2, 2]);
  });

  test('changes nothing on its own but the limit that keeps one silent node from holding up all', async () => {
    const double = await startDouble(['node1', 'node2']);
    const rows = await follow(
      await open(newEngine(), double),
      ({ hosts = [], files = [] }) => hosts.length === 2 && files.length === 6,
    );
    expect(rows['namespaces']?.map((row) => row['Name'])).toEqual(['minimega']);
    for (const node of double.nodes.values()) {
      expect([...node.bridges, ...[...node.namespaces.keys()].slice(1), node.active]).toEqual(['minimega']);
    }
    expect(double.nodes.get('node1')?.meshTimeout).toBe(60);
    const words = double.lines.map((line) => line.replace(/^node\d: \.record false \.preprocess false /, ''));
    expect(words.filter((line) => /^(bridge|\.\w+ (true|false)$|namespace \S+$)/.test(line))).toEqual([]);
    expect(double.lines.filter((line) => !line.includes(': .record false .preprocess false '))).toEqual([]);
  });

  test('keeps namespace and flags of a user on the connection', async () => {
    const double = await startDouble(['node1', 'node2']);
    const engine = newEngine();
    const [ann, bob] = [await open(engine, double), await open(engine, double)];
    await run(ann, 'namespace exp');
    await run(ann, '.csv true');
    await run(ann, 'vlans add lan 120');
    expect((await run(ann, 'vlans'))[0]?.Rendered).toBe('host,alias,vlan\nnode1,lan,120');
    expect((await run(ann, '.json true vlans'))[0]?.Rendered).toMatch(/^\[\{"Host"/);
    expect(tableOf(await run(bob, 'vlans'))).toEqual([]);
    expect((await run(bob, 'mesh status'))[0]?.Rendered).toMatch(/^host +\| size/);
    expect(double.nodes.get('node1')).toMatchObject({ active: 'minimega', flags: { mode: 'default' } });
  });

  test('makes no namespace by looking into it', async () => {
    const double = await startDouble(['node1', 'node2']);
    const connection = await open(newEngine(), double);
    await expect(run(connection, 'namespace typo vm info')).rejects.toMatchObject({ code: 'not-found' });
    expect([...(double.nodes.get('node1')?.namespaces.keys() ?? [])]).toEqual(['minimega']);
    expect(errorsOf(await run(connection, 'namespace exp vlans add lan 130'))).toEqual(['']);
    expect(tableOf(await run(connection, 'namespace exp vlans'))).toEqual([['lan', '130']]);
  });

  test.each([
    'mesh send node2 .filter host=zzz host',
    'mesh send node2,node2 version',
    'vm save',
    'background-status',
    'nu',
    'mesh timeout 0',
  ])('is not sent `%s`, and lives', async (line) => {
    const double = await startDouble(['node1', 'node2']);
    const connection = await open(newEngine(), double);
    await expect(run(connection, line)).rejects.toMatchObject({ code: 'refused' });
    expect(double.nodes.get('node1')?.isAlive).toBe(true);
    expect(errorsOf(await run(connection, 'version'))).toEqual(['']);
  });

  test('a node that is killed is absent, its VMs are lost, and the rest continues', async () => {
    const double = await startDouble(['node1', 'node2', 'node3']);
    const engine = newEngine();
    await run(await open(engine, double), 'namespace exp vm launch kvm web[1-2]');
    let isKilled = false;
    const rows = await follow(await open(engine, double), ({ vms = [], nodes = [] }) => {
      if (vms.length === 2 && !isKilled) {
        isKilled = true;
        double.kill('node2');
      }
      return nodes.some((node) => node['State'] === 'absent') && vms.some((vm) => vm['State'] === 'LOST');
    });
    expect(rows['nodes']?.find((node) => node['Name'] === 'node2')).toMatchObject({ State: 'absent', Degree: null });
    expect(rows['vms']?.find((vm) => vm['State'] === 'LOST')).toMatchObject({ Reason: 'node2 has left the mesh' });
    expect(rows['vms']?.filter((vm) => vm['State'] === 'BUILDING')).toHaveLength(1);
  });

  test('when the attached node is killed the changes end, and another node knows who is missing', async () => {
    const double = await startDouble(['node1', 'node2']);
    const engine = newEngine();
    const following = follow(await open(engine, double), ({ hosts = [] }) => {
      if (hosts.length === 2) double.kill('node1');
      return false;
    });
    await expect(following).rejects.toMatchObject({ code: 'unreachable' });
    const rows = await follow(await open(engine, double, 'node2'), ({ nodes = [] }) => nodes.length === 2);
    expect(rows['nodes']?.map((node) => [node['Name'], node['State']])).toEqual([
      ['node1', 'absent'],
      ['node2', 'member'],
    ]);
  });

  test('who closes the connection ends the changes, also while nothing changes', async () => {
    const double = await startDouble(['node1']);
    const connection = await open(newEngine(pollTimes), double);
    const following = follow(connection, ({ hosts = [] }) => {
      if (hosts.length === 1) setTimeout(() => connection.close(), 50);
      return false;
    });
    await expect(following).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('with a mute peer, what the node knows itself still arrives, and the trouble has words', async () => {
    const double = await startDouble(['node1', 'node2']);
    const engine = newEngine();
    double.silence('node2', true);
    let seen = '';
    await follow(await open(engine, double), ({ vlans = [] }, trouble) => {
      if (trouble !== '' && seen === '') {
        seen = trouble;
        double.nodes.get('node1')?.namespaces.get('minimega')?.vlans.set('late', 140);
      }
      return vlans.some((row) => row['Alias'] === 'late');
    });
    expect(seen).toMatch(/does not answer/);
  });

  test('launches with the settings of the console, puts the configuration back, and says what became of each VM', async () => {
    const double = await startDouble(['node1', 'node2']);
    const connection = await open(newEngine(), double);
    await run(connection, 'namespace lab ns add-hosts all');
    await run(connection, 'namespace lab vm config memory 512');
    const line =
      'namespace lab vm launch kvm web[1-2] with memory=96 networks=lan,e1000 tags=role=front schedule=node2 uuids=p1';
    const [said] = await run(connection, line);
    expect(said?.Resp?.[0]?.Data).toEqual({
      VMs: ['web1', 'web2'].map((Name) => ({ Name, Host: 'node2', Is: 'launched', Error: '' })),
    });
    expect(double.nodes.get('node2')?.vms.map((vm) => [vm.name, vm.memory, vm.tags.get('role')])).toEqual([
      ['web1', 96, 'front'],
      ['web2', 96, 'front'],
    ]);
    expect((await run(connection, 'namespace lab vm config memory'))[0]?.Rendered).toBe('node1: 512');
    const uuids = double.nodes.get('node2')?.vms.map(({ uuid }) => uuid) ?? [];
    await run(connection, `namespace lab vm start ${uuids.join(',')}`);
    const states = tableOf(await run(connection, `namespace lab vm state ${uuids.join(',')}`));
    expect(states.map(([name, , state]) => [name, state])).toEqual([
      ['web1', 'RUNNING'],
      ['web2', 'RUNNING'],
    ]);
    for (const line of [`vm show ${uuids[1] ?? ''}`, `mesh send node2 vm show ${uuids[1] ?? ''}`, 'vm show web2']) {
      const [shown] = await run(connection, `namespace lab ${line}`);
      expect(
        shown?.Resp?.map(({ Host, Tabular }) => [Host, Tabular?.length]),
        line,
      ).toEqual([['node2', 1]]);
      expect(shown?.Resp?.[0]?.Tabular?.[0], line).toContain('web2');
    }
    const [nobody] = await run(connection, 'namespace lab vm show nobody');
    expect(nobody?.Resp?.map(({ Error: error }) => error)).toEqual(['vm not found: nobody']);
  });

  test('reads back what `vm launch` keeps to itself', async () => {
    const double = await startDouble(['node1']);
    const connection = await open(newEngine(), double);
    const [broken] = await run(connection, 'vm launch kvm bad with disks=broken.qcow2');
    expect(broken?.Resp?.[0]?.Data).toMatchObject({
      VMs: [{ Name: 'bad', Is: 'failed', Error: 'broken.qcow2: no such file' }],
    });
    const [twice] = await run(connection, 'vm launch kvm bad with memory=64');
    expect(twice?.Resp?.[0]?.Data).toMatchObject({
      VMs: [{ Is: 'failed', Error: 'vm already exists with name `bad`' }],
    });
  });

  test('gives an alias a free number, and deletes it alone', async () => {
    const double = await startDouble(['node1', 'node2']);
    const connection = await open(newEngine(), double);
    await run(connection, 'namespace other vlans add taken 101');
    expect((await run(connection, 'namespace lab vlans add lan'))[0]?.Rendered).toBe('node1: 102');
    await run(connection, 'namespace lab vlans add lan2');
    expect(errorsOf(await run(connection, 'namespace lab vlans delete lan'))[0]).toMatch(/lan2 would go too/);
    expect(errorsOf(await run(connection, 'namespace lab vlans delete lan2'))).toEqual(['']);
    expect(tableOf(await run(connection, 'namespace lab vlans'))).toEqual([['lan', '102']]);
  });

  test('surveys all members for a launch, in a namespace that is not there yet too', async () => {
    const double = await startDouble(['node1', 'node2']);
    const connection = await open(newEngine(), double);
    const [survey] = await run(connection, 'vm survey all web[1-2] memory=96');
    expect(survey?.Resp?.map(({ Host, Data }) => [Host, Data])).toMatchObject([
      ['node1', { CPUs: 2, Taken: [], Missing: [], Issue: '' }],
      ['node2', { CPUs: 2 }],
    ]);
    expect([...(double.nodes.get('node1')?.namespaces.keys() ?? [])]).toEqual(['minimega']);
  });

  test('names all hosts of a namespace, where the range of minimega leaves some out', async () => {
    const names = Array.from({ length: 11 }, (_, at) => `node${at + 1}`);
    const double = await startDouble(names);
    // As minimega's compressor prints node2 to node11 with node1 in the mesh.
    const connection = await open(newEngine(), double);
    await run(connection, 'namespace lab ns add-hosts all');
    expect((await run(connection, 'namespace lab ns hosts'))[0]?.Rendered).toBe('node1: node[1-11]');
  });

  test('takes the picture of a screen on any node, and says why one has no picture', async () => {
    const double = await startDouble(['node1', 'node2']);
    const connection = await open(newEngine(), double);
    await run(connection, 'namespace lab ns add-hosts all');
    await run(connection, 'namespace lab vm launch kvm web[1-2] with schedule=node2');
    await run(connection, 'namespace lab vm start web1');
    const uuid = double.nodes.get('node2')?.vms[0]?.uuid ?? '';
    for (const line of [`vm screenshot ${uuid} 100`, `mesh send node2 vm screenshot ${uuid} 100`]) {
      const [shown] = await run(connection, `namespace lab ${line}`);
      const png = Buffer.from(shown?.Resp?.[0]?.Data as string, 'base64');
      expect([shown?.Resp?.length, shown?.Resp?.[0]?.Host, png.toString('latin1', 1, 4)], line).toEqual([
        1,
        'node2',
        'PNG',
      ]);
      expect([png.readUInt32BE(16), png.readUInt32BE(20)], line).toEqual([100, 56]);
    }
    expect(errorsOf(await run(connection, 'namespace lab vm screenshot web2'))).toEqual(['vm not running: 1']);
    expect(errorsOf(await run(connection, 'namespace lab vm screenshot nope'))).toEqual(['vm not found: nope']);
  });

  test('stays live, and follows changes, while a line of 14 MB arrives', async () => {
    const double = await startDouble(['node1']);
    double.nodes.get('node1')?.files.push({ name: 'big.raw', size: 10 * 1024 * 1024 });
    const engine = newEngine();
    const user = await open(engine, double);
    const large: Promise<CommandResponse[]>[] = [];
    await follow(await open(engine, double), ({ vlans = [] }) => {
      if (large.length === 0) large.push(run(user, 'file stream big.raw'));
      double.nodes.get('node1')?.namespaces.get('minimega')?.vlans.set('late', 140);
      return vlans.some((row) => row['Alias'] === 'late');
    });
    expect((await large[0])?.[0]?.Resp?.[0]?.Data).toHaveLength(13_981_014);
  });

  test('takes a line of 14 MB', async () => {
    const double = await startDouble(['node1']);
    double.nodes.get('node1')?.files.push({ name: 'big.raw', size: 10 * 1024 * 1024 });
    const [answer] = await run(await open(newEngine(), double), 'file stream big.raw');
    expect(answer?.Resp?.[0]?.Data).toHaveLength(13_981_014);
  });

  test('sends no keys of who may only look', async () => {
    const double = await startDouble(['node1']);
    const echo = await listen(join(double.baseOf('node1'), '3', 'serial0'), (socket) =>
      socket.on('error', () => undefined).pipe(socket),
    );
    endings.push(() => echo.close());
    const connection = await open(newEngine(), double);
    const deadline = AbortSignal.timeout(10_000);
    const stream = await connection.stream(
      { node: '', service: 'serial', args: { vm: 3, port: 0, input: false } },
      { deadline },
    );
    stream.end(Buffer.from('rm -rf /'));
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe('');
    const other = await open(newEngine(), double);
    const elsewhere = other.stream({ node: 'node2', service: 'serial', args: { vm: 1, port: 0 } }, { deadline });
    await expect(elsewhere).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('attach') as string,
    });
    const gone = other.stream({ node: 'node2', service: 'vnc', args: { vm: 1 } }, { deadline });
    await expect(gone).rejects.toMatchObject({ code: 'refused', message: expect.stringContaining('to run') as string });
  });
});
