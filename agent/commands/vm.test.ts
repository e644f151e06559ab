// The `vm` commands over three nodes in one process: who may run them from where, what each host answers, and what nobody has.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { assertAllowed } from '../../core/commands/authorise.ts';
import { parseCommand } from '../../core/commands/parse.ts';
import { commandTable } from '../../core/commands/table.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { infoColumns } from '../../core/vms/info.ts';
import { uuidOfHash, uuidText } from '../../core/vms/launch-uuid.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import { resolveBelow } from '../../host/below.ts';
import { createSystemClock } from '../mesh/clock.ts';
import { MemoryVms } from '../vms/memory-vms.ts';
import { createTestVmHandlers } from '../vms/vms-for-tests.ts';
import type { Dispatcher } from './dispatcher.ts';
import { createMemoryCluster } from './memory-cluster.ts';
import type { Session } from './session.ts';

const all = ['node1', 'node2', 'node3'];
let folder: string;
let nodes: MemoryVms[];
let dispatcher: Dispatcher;
let session: Session;
let silent: string[];
/** How long this node waits for other hosts, by line. */
let waits: Map<string, number>;

async function start(lost: readonly VmRecord[] = []): Promise<void> {
  const numbers = new Map<string, number>();
  const resolve = (text: string) => {
    const vlan = /^\d+$/.test(text) ? Number(text) : (numbers.get(text) ?? 101 + numbers.size);
    numbers.set(text, vlan);
    return Promise.resolve({ vlan, alias: /^\d+$/.test(text) ? '' : text, notes: [] });
  };
  const files = new Set([`${folder}/vmlinuz`, `${folder}/initrd.gz`, 'cd.iso', 'usb.raw']);
  nodes = all.map((name) => new MemoryVms({ name, files, resolve }));
  const dispatchers = await createMemoryCluster({
    names: all,
    silent,
    lostVms: () => lost,
    holderOf: (namespace, uuid) =>
      nodes.find((node) => node.list(namespace).some((vm) => vm.uuid === uuid))?.name ?? null,
    onSend: (line, timeoutMs) => waits.set(line, timeoutMs),
    filePath: folder,
    handlers: (name, peers) =>
      createTestVmHandlers(
        { index: all.indexOf(name), surroundings: { filesPath: folder, catalogue: null } },
        {
          nodes,
          // As the dispatchers' own namespaces: all others.
          hosts: (namespace) => (namespace === defaultNamespace ? [name] : peers.names()),
          lost: () => lost,
          peers,
          vlans: { resolve, isKnown: (text) => numbers.has(text) },
          clock: createSystemClock(),
          resolvePath: (file) => resolveBelow(folder, file),
        },
      ),
  });
  const [first] = dispatchers.values();
  if (!first) throw new Error('no dispatcher');
  dispatcher = first;
  session = dispatcher.session();
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshd-vm-'));
  silent = [];
  waits = new Map();
  await start();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function run(line: string): Promise<ResponseEntry[]> {
  const entries: ResponseEntry[] = [];
  const options = { signal: new AbortController().signal, status: () => undefined };
  for await (const { Resp } of dispatcher.execute(session, line, { via: 'socket' }, options))
    entries.push(...(Resp ?? []));
  return entries;
}

/** Each entry as `host: error or text or rows`. */
async function said(line: string): Promise<string[]> {
  return (await run(line)).map(({ Host, Error: error, Response, Tabular }) => {
    const rows = Tabular?.map((row) => row.join(' ')).join('; ') ?? '';
    return `${Host}: ${[error, Response, rows].filter((text) => text !== '').join(' | ')}`;
  });
}

/** Lines that have to succeed. */
async function succeed(...lines: string[]): Promise<void> {
  for (const line of lines) {
    const errors = (await run(line)).filter(({ Error: error }) => error !== '');
    expect(errors, line).toEqual([]);
  }
}

const refusal = async (line: string) => (await run(line)).map(({ Error: error }) => error).join(' & ');

describe('who may run what', () => {
  const requirement = (line: string, role: 'viewer' | 'operator' | 'admin', via: 'socket' | 'mesh' = 'socket') => {
    const parsed = parseCommand(commandTable, line);
    if (!parsed.ok || !parsed.command) throw new Error(parsed.ok ? 'blank' : parsed.message);
    try {
      assertAllowed(parsed.command, { via, role });
      return 'may';
    } catch (error) {
      return error instanceof Error ? error.message : '';
    }
  };

  it.each([
    'vm kill a',
    'vm start all',
    'vm launch kvm a',
    'vm launch kvm a with memory=5',
    'vm config memory 5',
    'vm tag a role web',
    'clear vm config',
  ])('a viewer does not run `%s`, an operator does', (line) => {
    expect(requirement(line, 'viewer')).toBe(`\`${line}\` needs the role operator, and this is a viewer`);
    expect(requirement(line, 'operator')).toBe('may');
  });

  it.each([
    ...[
      'vm info',
      'vm show a',
      'vm state all',
      'vm survey all a memory=5',
      'vm config',
      'vm config memory',
      'vm tag a',
      'vm hotplug',
    ],
    'vm screenshot a',
  ])('a viewer runs `%s`', (line) => {
    expect(requirement(line, 'viewer')).toBe('may');
  });

  it.each(['vm config qemu-append -foo', 'vm config qemu-override a b', 'vm config qemu q', "vm qmp a '{}'"])(
    '`%s` is an admin’s',
    (line) => {
      expect(requirement(line, 'operator')).toContain('needs the role admin');
      expect(requirement(line, 'admin')).toBe('may');
    },
  );

  it.each([
    'vm launch kvm a',
    'vm launch kvm a with memory=5',
    'vm survey all a',
    'vm config memory 5',
    'vm config',
    'clear vm config memory',
    'vm screenshot a file a.png',
  ])('a member of the mesh does not make another one run `%s`', (line) => {
    expect(requirement(line, 'admin', 'mesh')).toContain(`cannot run \`${line}\` via meshage`);
  });
});

describe('vm config', () => {
  it('is of a namespace, and a value that is refused changes nothing', async () => {
    await succeed('vm config memory 128', 'namespace exp vm config memory 512');
    expect(await said('vm config memory')).toEqual(['node1: 128']);
    expect(await said('namespace exp vm config memory')).toEqual(['node1: 512']);
    expect(await refusal('vm config memory abc')).toBe('strconv.ParseUint: parsing "abc": invalid syntax');
    expect(await refusal('vm config networks lan 4095')).toBe('invalid VLAN (0 < vlan < 4095)');
    expect(await refusal('vm config net alpha,e100')).toContain('unknown driver `e100`');
    expect(await said('vm config networks')).toEqual(['node1: []']);
    expect(await said('vm config memory')).toEqual(['node1: 128']);
  });

  it('takes each word as it is: spaces, commas and equals signs stay one word', async () => {
    await succeed('vm config append root=/dev/sda "a b" c,d');
    expect(await said('vm config append')).toEqual(['node1: [root=/dev/sda a b c,d]']);
    await succeed('vm config tags role "web server"', 'vm config tags os debian', 'clear vm config tag os');
    expect(await said('vm config tags')).toEqual(['node1: role -> web server\n']);
    expect(await said('vm config tags role')).toEqual(['node1: web server']);
  });

  it('saves, restores and clears, and keeps no config under the word of a dry run', async () => {
    expect(await refusal('vm config restore')).toBe('no vm configs saved');
    await succeed('vm config memory 64', 'vm config save small', 'clear vm config', 'vm config restore small');
    expect(await said('vm config memory')).toEqual(['node1: 64']);
    expect(await refusal('vm config restore nope')).toBe('config nope does not exist');
    expect(await refusal('vm config save dry-run')).toContain('cannot have the name dry-run');
    expect(await refusal('vm config save with')).toContain('cannot have the name with');
  });

  it('old names work', async () => {
    await succeed(`vm config migrate vm.state`);
    expect(await said('vm config state')).toEqual([`node1: ${folder}/vm.state`]);
    await succeed('clear vm config migrate');
    expect(await said('vm config migrate')).toEqual(['node1: ']);
  });

  it('a host to schedule on has to be of the namespace; localhost is this node', async () => {
    expect(await refusal('vm config schedule node2')).toBe('host is not in namespace: node2');
    await succeed('vm config schedule localhost', 'namespace exp vm config schedule node2');
    expect(await said('vm config schedule')).toEqual(['node1: node1']);
  });

  it('qemu-override shows the command line before and after', async () => {
    await succeed('vm config qemu-override "-vga std" "-vga none"');
    const [entry] = await run('vm config qemu-override');
    expect(entry?.Response).toMatch(
      /^id\tmatch\treplacement\n0\t"-vga std"\t"-vga none"\n\nBefore overrides:\n.*-vga std /,
    );
    expect(entry?.Response).toMatch(/After overrides:\n.*-vga none /);
  });

  it('clones a VM of another host, without its UUID and MAC addresses', async () => {
    await succeed('namespace exp', 'vm config memory 77', 'vm config net lan', 'vm launch kvm a', 'clear vm config');
    expect(nodes.map((node) => node.list('exp').length)).toEqual([0, 1, 0]);
    await succeed('vm config clone a');
    expect(await said('vm config memory')).toEqual(['node1: 77']);
    expect(await said('vm config uuid')).toEqual(['node1: ']);
    expect(await said('vm config net')).toEqual(['node1: [lan]']);
    expect(await refusal('vm config clone nope')).toBe('vm not found: nope');
  });
});

describe('vm launch', () => {
  it('answers with one empty entry of this node', async () => {
    expect(await run('namespace exp vm launch kvm a[1-4]')).toEqual([
      { Host: 'node1', Response: '', Header: null, Tabular: null, Error: '', Data: null },
    ]);
    expect(await said('namespace exp vm info summary')).toHaveLength(2);
  });

  it('errors of hosts are entries of these hosts, by VM', async () => {
    const third = nodes[2];
    if (third) {
      third.onCall = (call, what) => {
        if (call === 'launch one') throw new Error(`no room for ${what}`);
      };
    }
    expect(await said('namespace exp vm launch kvm a[1-4]')).toEqual([
      'node1: ',
      'node3: no room for a2 (it stays in the state ERROR: `vm flush` removes it)\n' +
        'no room for a4 (it stays in the state ERROR: `vm flush` removes it)',
    ]);
    expect(await said('namespace exp .columns name,state,tags vm info')).toEqual([
      'node2: a1 BUILDING {}; a3 BUILDING {}',
      'node3: a2 ERROR {"error":"no room for a2"}; a4 ERROR {"error":"no room for a4"}',
    ]);
  });

  it('VMs of a host that died meanwhile are unknown, in one line', async () => {
    const third = nodes[2];
    if (third) {
      third.onCall = (call) => {
        if (call === 'launch') throw new AppError('unreachable', 'node3 left the mesh');
      };
    }
    expect(await said('namespace exp vm launch kvm a[1-4]')).toEqual([
      'node1: ',
      'node3: a[2,4]: unknown, since node3 did not say: node3 left the mesh. Look with `vm info` once it answers; it may have launched it',
    ]);
  });

  it('dry-run shows placement, files and VLANs, with and without a saved config', async () => {
    await succeed('namespace exp', 'vm config net lan 200', 'vm config save base');
    const expected = ['node1: a1 node2; a2 node3', 'node1: 200; lan'];
    expect(await said('vm launch kvm a[1-2] dry-run')).toEqual(expected);
    expect(await said('vm launch kvm a[1-2] base dry-run')).toEqual(expected);
    expect(await said('vm info summary')).toEqual(['node2: ', 'node3: ']);
  });

  it('with its own settings, whatever `vm config` holds, and says of each VM what became of it', async () => {
    await succeed('namespace exp', 'vm config memory 9999', 'vm config networks dmz');
    const third = nodes[2];
    if (third) {
      third.onCall = (call, what) => {
        if (call === 'launch one' && what === 'a4') throw new Error('no room');
      };
    }
    const [entry, more] = await run('vm launch kvm a[1-4] with memory=96 networks=lan tags=role=web');
    expect(entry?.Data).toEqual({
      VMs: [
        { Name: 'a1', Host: 'node2', Is: 'launched', Error: '' },
        { Name: 'a2', Host: 'node3', Is: 'launched', Error: '' },
        { Name: 'a3', Host: 'node2', Is: 'launched', Error: '' },
        {
          Name: 'a4',
          Host: 'node3',
          Is: 'failed',
          Error: 'no room (it stays in the state ERROR: `vm flush` removes it)',
        },
      ],
    });
    expect(more).toMatchObject({ Host: 'node3', Error: expect.stringContaining('a4') as string });
    expect(await said('.columns name,memory,vlan,tags vm info')).toEqual([
      'node2: a1 96 [lan (101)] {"role":"web"}; a3 96 [lan (101)] {"role":"web"}',
      'node3: a2 96 [lan (101)] {"role":"web"}; a4 96 [lan (101)] {"role":"web","error":"no room"}',
    ]);
    expect(await said('vm config memory')).toEqual(['node1: 9999']);
  });

  it('its settings may make the UUIDs, so that a second launch of the same VMs is refused', async () => {
    await succeed('namespace exp', 'vm launch kvm a with memory=96 uuids=launch-1');
    const uuid = uuidOfHash(createHash('sha256').update(uuidText('launch-1', 'a')).digest('hex'));
    expect(await said('.columns name,uuid .filter name=a vm info')).toEqual([`node2: a ${uuid}`, 'node3: ']);
    expect(await said(`vm state ${uuid}`)).toEqual([`node2: a ${uuid} BUILDING `]);
    await succeed('vm tag a name free', 'vm kill a', 'vm flush a', 'vm launch kvm a with memory=96 uuids=launch-1');
    expect(await refusal('vm launch kvm a with memory=96 uuids=launch-1')).toContain('vm already exists with name `a`');
  });

  it('settings bind it to a host, and a dry run with settings changes nothing', async () => {
    await succeed('namespace exp');
    const line = 'vm launch kvm a[1-2]';
    expect(await said(`${line} dry-run with networks=lan schedule=node3`)).toEqual([
      'node1: a1 node3; a2 node3',
      'node1: lan',
    ]);
    expect(await refusal(`${line} with schedule=node1`)).toBe('host is not in namespace: node1');
    expect(await refusal(`${line} with networks=4095`)).toBe('invalid VLAN (0 < vlan < 4095)');
    expect(await refusal(`${line} with memory`)).toContain('settings are field=value');
    expect(nodes.flatMap((node) => node.list(null))).toEqual([]);
  });

  it('`vm survey` says what each host has, and makes no namespace', async () => {
    await succeed('namespace exp vm launch kvm a[1-2] with memory=96');
    silent = ['node3'];
    const entries = await run('namespace exp vm survey node[1-2] a[1-4] memory=512 disks=nope.qcow2');
    expect(entries.map(({ Host, Data }) => [Host, Data])).toEqual([
      ['node1', expect.objectContaining({ CPUs: 4, MemTotal: 8192, MemCommit: 0, VMs: 0, Taken: [] }) as unknown],
      [
        'node2',
        expect.objectContaining({
          MemCommit: 96,
          VMs: 1,
          Taken: ['a1'],
          Missing: [],
          Issue: expect.stringContaining('nope.qcow2') as string,
        }) as unknown,
      ],
    ]);
    expect(await said('.columns memtotal,issue vm survey all x memory=512')).toEqual(['node2: 8192 ', 'node3: 8192 ']);
    expect(await refusal('vm survey nope x')).toContain('no node nope');
    expect(await said('namespace')).toEqual(['node1: minimega 101-4096 true; exp  false']);
  });

  it.each([
    ['vm launch', 'namespace must contain at least one queued VM to launch VMs'],
    ['vm launch kvm 0', 'invalid number of vms (must be > 0)'],
    ['vm launch kvm ..', 'invalid name; must only include letters, numbers, hyphens and underscores: `..`'],
    ['vm launch kvm a/b', 'invalid name; must only include letters, numbers, hyphens and underscores: `a/b`'],
    ['vm launch kvm x,7', 'invalid vm name, `7` is an integer'],
    ['vm launch kvm all', 'invalid vm name, `all` is a reserved word'],
    ['vm launch kvm a[1-10001]', 'more than 10000 names in one range'],
    ['vm launch kvm a nope', 'config nope does not exist'],
    ['vm launch container a', 'not in meshd: `vm launch container`; nearest: `vm launch kvm`'],
  ])('%s', async (line, text) => {
    expect(await refusal(line)).toBe(text);
    expect(nodes.flatMap((node) => node.list(null))).toEqual([]);
  });
});

describe('VMs of a namespace', () => {
  beforeEach(() => succeed('namespace exp', 'vm config net lan', 'vm launch kvm a[1-4]'));

  const states = async () => (await said('.columns name,state vm info')).join(' ');

  it('`vm info` has minimega’s columns, ours behind them, and a summary', async () => {
    const [entry] = await run('vm info');
    expect(entry?.Header).toEqual(infoColumns);
    expect(entry?.Tabular?.[0]?.slice(0, 3)).toEqual(['0', 'a1', 'BUILDING']);
    expect(entry?.Data).toHaveLength(2);
    expect(await said('.filter name=a3 .columns name,vlan vm info summary')).toEqual([
      'node2: a3 [lan (101)]',
      'node3: ',
    ]);
  });

  it('`vm show` has the same of one VM, from its host alone', async () => {
    const [entry, ...more] = await run('vm show a2');
    expect(more).toEqual([]);
    expect([entry?.Host, entry?.Header, entry?.Tabular?.map((row) => row[1])]).toEqual(['node3', infoColumns, ['a2']]);
    expect(entry?.Data).toMatchObject([{ Name: 'a2' }]);
    const uuid = entry?.Tabular?.[0]?.[5] ?? '';
    expect((await run(`vm show ${uuid}`)).map(({ Host }) => Host)).toEqual(['node3']);
    expect(await said('vm show nope')).toEqual(['node1: vm not found: nope']);
  });

  it('start, stop, kill and flush follow the table of states, on the hosts that have the VMs', async () => {
    expect(await said('vm start a[1-3]')).toEqual(['node2: ', 'node3: ']);
    expect(await states()).toBe('node2: a1 RUNNING; a3 RUNNING node3: a2 RUNNING; a4 BUILDING');
    expect(await said('vm start a1')).toEqual(['node2: vm is already running']);
    expect(await said('vm stop a1')).toEqual(['node2: ']);
    expect(await said('vm stop a1')).toEqual(['node2: VM state error: a1']);
    expect(await said('vm kill a1,a2')).toEqual(['node2: ', 'node3: ']);
    // With `all`, what has quit stays so.
    await succeed('vm start all');
    expect(await states()).toBe('node2: a1 QUIT; a3 RUNNING node3: a2 QUIT; a4 RUNNING');
    await succeed('vm flush');
    expect(await states()).toBe('node2: a3 RUNNING node3: a4 RUNNING');
    expect(await said('vm flush a3')).toEqual(['node2: VM state error: a3']);
  });

  it('`vm state` names those that are asked for, and no others', async () => {
    await succeed('vm start a1');
    const [second, third] = await run('vm state a[1-2],nope');
    expect(second).toMatchObject({ Header: ['name', 'uuid', 'state', 'reason'], Data: null });
    expect(second?.Tabular?.map(([name, , state]) => [name, state])).toEqual([['a1', 'RUNNING']]);
    expect(third?.Tabular?.map(([name, , state]) => [name, state])).toEqual([['a2', 'BUILDING']]);
  });

  it('a VM that no host has is one error of the node where it was typed', async () => {
    for (const line of [
      'vm state nope',
      'vm start nope',
      'vm tag nope',
      'vm net disconnect nope 0',
      'vm screenshot nope',
      "vm qmp nope '{}'",
    ]) {
      expect(await said(line), line).toEqual(['node1: vm not found: nope']);
    }
    expect(await said('vm start nope,never')).toEqual(['node2: ', 'node3: ']);
    expect(await said("vm qmp all '{}'")).toEqual(['node1: vm not found: all']);
  });

  it('hosts have longer for what takes long than for a look', async () => {
    await succeed('vm info', 'vm hotplug', 'vm start all', 'vm shutdown a1 600');
    const lines = ['vm info', 'vm hotplug', 'vm start all', 'vm shutdown a1 600'];
    expect(lines.map((line) => waits.get(line))).toEqual([10_000, 1_000, 120_000, 660_000]);
  });

  it('a host that does not answer is not taken for one without the VM', async () => {
    silent = ['node3'];
    await start();
    await succeed('namespace exp');
    expect(await said('vm start nope')).toEqual(['node3: timed out']);
  });

  it('a UUID asks only the host that has the VM, and does not wait for another', async () => {
    await succeed('namespace exp');
    const [vm] = nodes[1]?.list('exp') ?? [];
    silent.push('node3');
    expect(await said(`.columns name vm show ${vm?.uuid ?? ''}`)).toEqual([`node2: ${vm?.name ?? ''}`]);
    expect(await said(`vm start ${vm?.uuid ?? ''}`)).toEqual(['node2: ']);
    expect(await said('vm show nope')).toEqual(['node3: timed out']);
  });

  it('VMs of a host that is away are LOST in `vm info`, with the reason', async () => {
    const records = (nodes[2]?.list('exp') ?? []).map((vm): VmRecord => ({
      ...vm,
      state: 'LOST',
      reason: `${vm.host} does not answer`,
    }));
    silent = ['node3'];
    await start(records);
    await succeed('namespace exp');
    expect(await said('.columns name,state,reason vm info')).toEqual([
      'node2: ',
      'node3: a2 LOST node3 does not answer; a4 LOST node3 does not answer',
    ]);
    // A host with no VM that is known stays an error.
    await start();
    await succeed('namespace exp');
    expect(await said('vm info summary')).toEqual(['node2: ', 'node3: timed out']);
  });

  it('an action on a LOST VM says that its node is gone and when the VM can be used again', async () => {
    const records = (nodes[2]?.list('exp') ?? []).map((vm): VmRecord => ({ ...vm, state: 'LOST' }));
    silent = ['node3'];
    await start(records);
    await succeed('namespace exp');
    const lost = (name: string) =>
      `${name} is lost: its node node3 does not answer. It can be used again, as found, when node3 is back; until then, launch its config under another name`;
    for (const line of ['start a2', 'stop a2', 'kill a2', 'flush a2', 'reboot a2', 'tag a2 k v', 'qmp a2 {}']) {
      expect(await said(`vm ${line}`), line).toEqual([`node3: ${lost('a2')}`]);
    }
    expect(await said('vm kill all')).toEqual(['node2: ', `node3: a2: ${lost('a2')}\na4: ${lost('a4')}`]);
    // Who is not known there may be on that host all the same.
    expect(await said('vm start nope')).toEqual(['node3: timed out']);
  });

  it('shutdown says which guests did not follow, and how long they had', async () => {
    await succeed('vm launch kvm stubborn', 'vm start all');
    expect(await said('vm shutdown a1,stubborn 5')).toEqual([
      'node2: stubborn: stubborn did not follow the power button within 5 s',
      'node3: ',
    ]);
    expect(await said('vm shutdown a2')).toEqual(['node3: ']);
    expect(await said('vm shutdown a4 0')).toEqual(['node3: `0`: how long the guests have, 1 to 600 seconds']);
    expect(await states()).toContain('a1 QUIT');
    expect(await said('vm reboot a4')).toEqual(['node3: ']);
    expect(await said('vm reboot a1')).toEqual(['node2: VM state error: a1']);
  });

  it('tags', async () => {
    await succeed('vm tag a[1-2] role web', 'vm tag a1 os debian');
    expect(await said('vm tag all')).toEqual(['node2: a1 os debian; a1 role web', 'node3: a2 role web']);
    expect(await said('vm tag a1')).toEqual(['node2: a1 os debian; a1 role web']);
    expect(await said('vm tag all role')).toEqual(['node2: a1 web; a3 ', 'node3: a2 web; a4 ']);
    await succeed('clear vm tag a1 os');
    expect(await said('vm tag a1 all')).toEqual(['node2: a1 role web']);
    await succeed('clear vm tag');
    expect(await said('vm tag all')).toEqual(['node2: ', 'node3: ']);
    expect(await refusal(`vm tag a1 k "${'x'.repeat(5000)}"`)).toContain('a value of 5000 characters');
  });

  it('NICs', async () => {
    await succeed('vm net connect a1 0 dmz', 'vm net add a1 200,virtio-net-pci', 'vm net add a2');
    expect(await said('.columns name,vlan,bridge vm info')).toEqual([
      'node2: a1 [dmz (102), 200] [mega_bridge, mega_bridge]; a3 [lan (101)] [mega_bridge]',
      'node3: a2 [lan (101)] [mega_bridge]; a4 [lan (101)] [mega_bridge]',
    ]);
    await succeed('vm net disconnect a1 0');
    expect(await said('.columns vlan,bridge .filter name=a1 vm info')).toEqual([
      'node2: [disconnected, 200] [mega_bridge]',
      'node3: ',
    ]);
    // Without a bridge to stay on, it gets the default one.
    await succeed('vm net connect a1 0 lan');
    expect(await refusal('vm net connect a1 5 lan')).toBe('no network 5, VM only has 2 networks');
    expect(await refusal('vm net connect a1 abc lan')).toBe('strconv.Atoi: parsing "abc": invalid syntax');
    expect(await refusal('vm net connect a1 0 4095')).toBe('invalid VLAN (0 < vlan < 4095)');
    expect(await refusal('vm net connect a1 0 lan "a bridge"')).toContain('`a bridge` is not the name of a bridge');
    expect(await refusal('vm net connect a1 0 lan,7')).toContain('invalid alias `lan,7`');
    // None of several, when one is wrong.
    expect(await refusal('vm net add a1 lan lan,e100')).toContain('unknown driver `e100`');
    expect(await refusal('vm net add a1 lan 4095')).toBe('invalid VLAN (0 < vlan < 4095)');
    expect(nodes[1]?.list('exp')[0]?.nets).toHaveLength(2);
    await succeed('vm kill a1');
    expect(await refusal('vm net disconnect a1 0')).toBe('vm not running: 0');
    expect(await said('vm net disconnect a[1-2] 0')).toEqual(['node2: ', 'node3: ']);
  });

  it('USB disks and CDs', async () => {
    await succeed('vm hotplug add a1 usb.raw', 'vm hotplug add a1 usb.raw 2.0', 'vm cdrom change a1 cd.iso');
    expect(await said('vm hotplug')).toEqual(['node2: a1 0 usb.raw 1.1; a1 1 usb.raw 2.0', 'node3: ']);
    expect(await said('.columns cdrom .filter name=a1 vm info')).toEqual(['node2: cd.iso', 'node3: ']);
    expect(await refusal('vm hotplug add a1 nope')).toBe('no node has nope');
    expect(await refusal('vm hotplug add a1 usb.raw 3.0')).toContain('invalid version: `3.0`');
    expect(await refusal('vm hotplug remove a1 9')).toBe('no such hotplug device');
    await succeed('vm hotplug remove a1 0', 'vm hotplug remove a1 all', 'vm cdrom eject all');
    expect(await said('vm hotplug')).toEqual(['node2: ', 'node3: ']);
  });

  it('screens: PNG in Data, and as a file of this node only below -filepath', async () => {
    const [entry] = await run('vm screenshot a2');
    const png = Buffer.from(entry?.Data as string, 'base64');
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    await succeed('vm screenshot a2 file a2.png 100');
    expect(await readFile(join(folder, 'a2.png'))).toEqual(png);
    expect(await refusal('vm screenshot a2 file ../a2.png')).not.toBe('');
    expect(await refusal('vm screenshot a2 file disk.qcow2')).toBe(
      'disk.qcow2: the name of a screenshot ends with .png',
    );
    expect(await refusal('vm screenshot a2 abc')).toBe('strconv.Atoi: parsing "abc": invalid syntax');
    expect(await refusal('vm screenshot nope file x.png')).toBe('vm not found: nope');
  });

  it('saves go to files of the host that has the VM; older names of it replace nothing', async () => {
    expect(await said('vm save')).toEqual(['node2: ', 'node3: ']);
    await succeed('vm start a1', 'vm save a1', 'vm save a2 monday/x', 'vm migrate a1 mem', 'vm snapshot a1 mem disk');
    const saved = (node: number) => nodes[node]?.saved.map(({ names }) => [names.state, names.mayReplace]);
    expect(saved(1)).toEqual([
      ['saved/a1.state', true],
      ['mem', false],
      ['mem', false],
    ]);
    expect(saved(2)).toEqual([['saved/monday/x.state', true]]);
    expect(await said('.filter name=a2 vm save')).toEqual(['node2: ', 'node3: 0 a2 completed 100.00']);
    expect(await said('.columns state .filter name=a1 vm info')).toEqual(['node2: PAUSED', 'node3: ']);
    expect([...waits].find(([line]) => line === 'vm save a1')?.[1]).toBe(3_600_000);
    for (const name of ['../x', '/etc/x', 'a/../../b']) expect(await refusal(`vm save a1 ${name}`)).not.toBe('');
    expect(await refusal('vm save nope')).toBe('vm not found: nope');
    await succeed('vm kill a2');
    expect(await refusal('vm save a2')).toBe('vm not running: 0');
    const [node2] = nodes.slice(1);
    if (node2) node2.onSave = () => Promise.reject(new AppError('failed', 'the disk is full'));
    expect(await said('vm save a1')).toEqual(['node2: the disk is full']);
  });

  it('ns save does it for all of them, or for none', async () => {
    expect(await said('ns save')).toEqual(['node1: 0 0']);
    await succeed('vm start a1', 'ns save monday');
    expect(nodes.slice(1).map((node) => node.saved.map(({ names }) => names.state))).toEqual([
      ['saved/monday/a1.state', 'saved/monday/a3.state'],
      ['saved/monday/a2.state', 'saved/monday/a4.state'],
    ]);
    expect(await said('ns snapshot')).toEqual(['node1: 4 4']);
    await succeed('vm kill a2');
    expect(await said('ns save tuesday')).toEqual(['node1: a2 ended before, and has no memory to save']);
    silent.push('node3');
    expect(await refusal('ns save wednesday')).toContain('node3');
    expect(nodes[1]?.saved).toHaveLength(4);
    silent.length = 0;
    const [lost] = nodes[2]?.list('exp') ?? [];
    if (!lost) throw new Error('a2 is there');
    await start([lost]);
    await succeed('namespace exp');
    expect(await refusal('ns save thursday')).toContain('a2 cannot be saved: lost with node3');
  });

  it('queued VMs are launched later, on the hosts that were chosen', async () => {
    await succeed('ns queueing true', 'vm launch kvm q[1-2]');
    expect(await said('ns queueing')).toEqual(['node1: true']);
    expect(await refusal('vm launch kvm q2')).toBe('vm already queued with name `q2`');
    expect(await refusal('vm launch kvm a1')).toBe('vm already exists with name `a1`');
    expect((await run('ns queue'))[0]?.Response).toMatch(
      /^VMs: 2\nNames: q\[1-2\]\nVM Type: kvm\n\nVM configuration:\n/,
    );
    expect(await said('.columns name vm info')).toEqual(['node2: a1; a3', 'node3: a2; a4']);
    expect(await said('ns schedule dry-run')).toEqual(['node1: q1 node2; q2 node3']);
    await succeed('ns schedule mv q1 node3');
    expect(await said('ns schedule dump')).toEqual(['node1: q1 node3; q2 node3']);
    await succeed('vm launch', 'ns queueing false');
    expect(await said('.columns name vm info')).toEqual(['node2: a1; a3', 'node3: a2; a4; q1; q2']);
    expect(await refusal('ns schedule')).toBe('namespace must contain at least one queued VM to launch VMs');
    await succeed('ns queueing true', 'vm launch kvm z', 'ns flush');
    expect(await said('ns queue')).toEqual(['node1: ']);
  });

  it('ns run runs a command on every host, and takes none that is not for members', async () => {
    expect(await said('ns run version')).toEqual([
      expect.stringContaining('node2: ') as string,
      expect.stringContaining('node3: ') as string,
    ]);
    expect(await said('ns run .columns name vm info')).toEqual(['node2: a1; a3', 'node3: a2; a4']);
    expect(await refusal('ns run quit')).toContain('via meshage');
    expect(await refusal('ns run bogus')).toBe('invalid command: `ns run bogus`');
  });

  it('bonds NICs of a VM, with minimega’s words', async () => {
    await succeed(
      'vm net bond a1 0,1 balance-slb off',
      'vm net bond a2 0,1 balance-tcp active no-lacp-fallback name b7 qinq',
    );
    expect(nodes.slice(1).map((node) => node.list('exp')[0]?.config.bonds)).toMatchObject([
      [{ interfaces: [0, 1], mode: 'balance-slb', lacp: 'off', hasFallback: true, qinq: false, name: '' }],
      [{ interfaces: [0, 1], mode: 'balance-tcp', lacp: 'active', hasFallback: false, qinq: true, name: 'b7' }],
    ]);
    expect(await refusal('vm net bond a1 0 balance-slb off')).toBe('malformed bondspec');
    expect(await refusal('vm net bond a1 0,1 balance-tcp off')).toContain('balance-tcp needs LACP');
    await succeed('clear vm net bond a1', 'clear vm net bond a2 b7');
    expect(nodes[2]?.list('exp')[0]?.config.bonds).toEqual([]);
  });

  it('QMP', async () => {
    await succeed('vm start a1');
    expect(await said(`vm qmp a1 '{ "execute": "query-status" }'`)).toEqual([
      'node2: {"return":{"running":true,"status":"running"}}\n',
    ]);
    expect(await refusal('vm qmp a1 bogus')).toBe("invalid JSON: invalid character 'b' looking for beginning of value");
    expect(await refusal('vm qmp a1 ""')).toBe('invalid JSON: unexpected end of JSON input');
  });
});
