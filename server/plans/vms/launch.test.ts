// A launch from its form to its VMs and back, through the real fleet, on nodes in memory that run the real commands.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createMemoryCluster } from '../../../agent/commands/memory-cluster.ts';
import type { Dispatcher } from '../../../agent/commands/dispatcher.ts';
import type { CommandCall, Handlers } from '../../../agent/commands/handler.ts';
import { createSystemClock } from '../../../agent/mesh/clock.ts';
import { MemoryVms } from '../../../agent/vms/memory-vms.ts';
import { createTestVmHandlers } from '../../../agent/vms/vms-for-tests.ts';
import { responseEntry, type CommandResponse } from '../../../contract/command-socket.ts';
import { bridges as bridgeKind, vlans as vlanKind } from '../../../contract/cluster-kinds.ts';
import { AppError } from '../../../contract/errors.ts';
import type { Plan, RunView } from '../../../contract/plans.ts';
import { fleetFromSnapshot } from '../../../core/fleet-view.ts';
import { defaultNamespace } from '../../../core/namespaces.ts';
import { describeLaunch, scriptOf, shapeOf } from '../../../core/plans/vms/sentence.ts';
import { createMeshdEngine } from '../../engines/meshd/engine.ts';
import { MemoryMesh, ringOfNodes } from '../../engines/meshd/memory-mesh.ts';
import { Fleet } from '../../fleet/fleet.ts';
import type { Caller } from '../../ports.ts';
import type { RunCore } from '../../runs/run-core.ts';
import { createMemoryStore } from '../../store/memory-store.ts';
import type { ConsoleStore } from '../../store/types.ts';
import { silentLog } from '../../parts-for-tests.ts';
import { createRunCore } from '../create-runs.ts';
import { launchPlan } from './launch-plan.ts';

type Parts = Partial<CommandResponse>[];

const all = ['node1', 'node2', 'node3', 'node4'];
const ann: Caller = { userId: 'u1', name: 'Ann', role: 'operator' };

/** Four nodes with VMs in memory. The console is attached to node1. */
class Lab {
  readonly mesh: MemoryMesh;
  readonly vms: MemoryVms[];
  /** Aliases by `namespace//alias`. */
  readonly vlans = new Map<string, number>();
  readonly files = new Set(['/files/web.qcow2', '/files/vmlinuz']);
  /** In place of the answer, by a piece of the line. */
  readonly instead = new Map<string, (run: () => Promise<Parts>) => Promise<Parts>>();
  /** `node: file` of each `file get`, and what `file status` answers. */
  readonly got: string[] = [];
  readonly fetching = new Map<string, unknown[]>();
  private dispatchers = new Map<string, Dispatcher>();

  constructor() {
    const { nodes, links } = ringOfNodes(all.length);
    this.mesh = new MemoryMesh({ meshId: 'c', context: 'john' }, nodes, links);
    this.vms = all.map((name) => new MemoryVms({ name, files: this.files, memoryMb: 1_024 }));
    this.mesh.answer = (node, line) => {
      const run = () => this.run(node, line);
      const key = [...this.instead.keys()].find((piece) => line.includes(piece));
      return (key === undefined ? undefined : this.instead.get(key)?.(run)) ?? run();
    };
  }

  async start(): Promise<this> {
    const clock = createSystemClock();
    this.dispatchers = await createMemoryCluster({
      names: all,
      handlers: (name, peers) => {
        // As the dispatchers' own namespaces: all others.
        const hosts = (namespace: string) => (namespace === defaultNamespace ? [name] : peers.names());
        return {
          ...createTestVmHandlers(
            { index: all.indexOf(name), surroundings: { filesPath: '/files', catalogue: null } },
            {
              nodes: this.vms,
              hosts,
              peers,
              vlans: {
                resolve: (text, namespace) => Promise.resolve({ ...this.vlanOf(text, namespace), notes: [] }),
                isKnown: () => true,
              },
              clock,
              resolvePath: (file) => Promise.resolve(file),
            },
          ),
          ...this.vlanHandlers(),
          ...this.fileHandlers(name),
        };
      },
    });
    return this;
  }

  /** Names of VMs that are there, with their states. */
  states(): string[] {
    return this.vms.flatMap((node) => node.list('lab').map(({ name, state }) => `${node.name}: ${name} ${state}`));
  }

  private vlanOf(text: string, namespace: string): { vlan: number; alias: string } {
    if (/^\d+$/.test(text)) return { vlan: Number(text), alias: '' };
    const key = `${namespace}//${text}`;
    const vlan = this.vlans.get(key) ?? 101 + this.vlans.size;
    this.vlans.set(key, vlan);
    return { vlan, alias: text };
  }

  private vlanHandlers(): Handlers {
    const word = ({ command }: CommandCall, key: string) => command.words[key] ?? '';
    const add = (call: CommandCall) => {
      const key = `${call.namespace}//${word(call, 'alias')}`;
      const given = Number(word(call, 'vlan'));
      if ([...this.vlans.values()].includes(given)) throw new AppError('conflict', 'vlan already in use');
      this.vlans.set(key, given || 101 + this.vlans.size);
      return Promise.resolve([responseEntry(call.host)]);
    };
    return {
      vlans: ({ host, namespace }) => {
        const own = [...this.vlans].filter(([key]) => key.startsWith(`${namespace}//`));
        const Tabular = own.map(([key, vlan]) => [key.split('//')[1] ?? '', String(vlan)]);
        return Promise.resolve([responseEntry(host, { Header: ['alias', 'vlan'], Tabular })]);
      },
      'vlans <add,> <alias>': async (call) => add(call),
      'vlans <add,> <alias> <vlan>': async (call) => add(call),
      'vlans <delete,> <alias>': async (call) => {
        const key = `${call.namespace}//${word(call, 'alias')}`;
        const vlan = this.vlans.get(key);
        const users = this.vms.flatMap((node) =>
          node.list(null).filter(({ nets }) => nets.some((net) => net.vlan === vlan)),
        );
        if (users.length > 0) throw new AppError('refused', `VMs use these VLANs: ${users[0]?.name ?? ''}`);
        this.vlans.delete(key);
        return Promise.resolve([responseEntry(call.host)]);
      },
    };
  }

  private fileHandlers(name: string): Handlers {
    return {
      'file <get,> <file>': ({ command, host }) => {
        this.got.push(`${name}: ${command.words['file'] ?? ''}`);
        return Promise.resolve([responseEntry(host)]);
      },
      'file <status,>': ({ host }) => Promise.resolve([responseEntry(host, { Data: this.fetching.get(name) ?? null })]),
      'file <list,> <path> [recursive,]': ({ command, host }) =>
        Promise.resolve([responseEntry(host, { Header: ['name'], Tabular: [[command.words['path'] ?? '']] })]),
    };
  }

  async run(node: string, line: string): Promise<Parts> {
    const [, to, sent] = /^mesh send (\S+) (.*)$/.exec(line) ?? [];
    const dispatcher = this.dispatchers.get(to ?? node);
    if (!dispatcher) throw new Error(`no ${to ?? node}`);
    const signal = new AbortController().signal;
    if (to !== undefined && sent !== undefined) {
      const member = { nodeId: '1'.padStart(32, '0'), name: node, namespace: defaultNamespace, signal };
      return [{ Resp: await dispatcher.executeForMember(sent, member) }];
    }
    const answers: Partial<CommandResponse>[] = [];
    const options = { signal, status: () => undefined };
    for await (const { Resp, Rendered } of dispatcher.execute(dispatcher.session(), line, { via: 'socket' }, options)) {
      answers.push({ Resp, Rendered, More: true });
    }
    return answers.map((answer, at) => ({ ...answer, More: at < answers.length - 1 }));
  }
}

let lab: Lab;
let fleet: Fleet;
let store: ConsoleStore;
let core: RunCore;

const createCore = () =>
  createRunCore({ log: silentLog, usesOwnKeys: false, resumesAtStart: true }, { store, fleet, kinds: [launchPlan] });

beforeEach(async () => {
  lab = await new Lab().start();
  store = createMemoryStore();
  await store.clusters.put({ id: 'c', context: 'john', engine: 'meshd', socketPaths: ['node1'], addedAt: 0 });
  fleet = new Fleet({ engines: { meshd: createMeshdEngine(lab.mesh) }, now: Date.now, log: silentLog }, { store });
  await fleet.start();
  await vi.waitFor(() => {
    expect(fleetFromSnapshot(fleet.snapshot()).clusters[0]?.State).toBe('live');
  });
  core = createCore();
});
afterEach(async () => {
  await core.stop();
  await fleet.stop();
});

const form = { namespace: 'lab', names: 'web[1-8]', memory: 256, kernel: 'vmlinuz', networks: ['lan', 'dmz'] };

function plan(change: Record<string, unknown> = {}): Promise<Plan> {
  const signal = new AbortController().signal;
  return core.makePlan(ann, { kind: 'launch', form: { ...form, ...change }, secrets: {}, signal });
}

async function begin(change: Record<string, unknown> = {}): Promise<string> {
  return (await core.startRun(ann, (await plan(change)).id, {})).id;
}

async function end(id: string): Promise<RunView> {
  await vi.waitFor(
    async () => {
      expect((await core.list(10)).find((run) => run.id === id)?.endedAt).not.toBeNull();
    },
    { timeout: 20_000 },
  );
  const { view, stop } = await core.subscribe(id, () => undefined);
  stop();
  return view;
}

const statesOf = ({ steps }: RunView) => Object.fromEntries(steps.map(({ key, state }) => [key, state]));
const launches = () => lab.mesh.lines.filter((line) => line.includes(' vm launch '));

describe('the plan', () => {
  test('places VMs over the hosts that a new namespace will have, and makes nothing', async () => {
    const made = await plan();
    expect(describeLaunch(shapeOf(made))).toBe(
      '8 VMs, 3 on each of node[2-3] and 2 on node4, on VLANs lan (new) and dmz (new).',
    );
    expect(made.steps.map(({ key }) => key)).toEqual([
      'ensureHosts',
      'ensureVlan lan',
      'ensureVlan dmz',
      'launchVms node2',
      'startVms node2',
      'launchVms node3',
      'startVms node3',
      'launchVms node4',
      'startVms node4',
    ]);
    expect(made.waves).toEqual([['node2'], ['node3'], ['node4']]);
    expect(lab.states()).toEqual([]);
    expect(lab.mesh.lines.some((line) => line.includes('namespace lab'))).toBe(false);
    expect(scriptOf(made).split(' &&\n').slice(0, 4)).toEqual([
      "/opt/meshd/bin/meshd -e 'namespace lab ns add-hosts node[2-4]'",
      '/opt/meshd/bin/meshd -e namespace lab vlans add lan',
      '/opt/meshd/bin/meshd -e namespace lab vlans add dmz',
      "/opt/meshd/bin/meshd -e 'namespace lab vm launch kvm web[1,4,7] with memory=256 vcpus=1 kernel=vmlinuz " +
        "networks=lan,virtio-net-pci networks=dmz,virtio-net-pci serial-ports=1 schedule=node2'",
    ]);
    expect(made.command).toBe(
      "meshdeck vms launch 'web[1-8]' --namespace lab --memory 256 --vcpus 1 --kernel vmlinuz --network lan --network dmz",
    );
  });

  test.each([
    [{ names: '' }, 'names', /names as a range/],
    [{ names: '0' }, 'names', /must be > 0/],
    [{ names: '10001' }, 'names', /more than 10000 names/],
    [{ names: 'web[1-10001]' }, 'names', /more than 10000 names/],
    [{ names: 'web[1-3],web2' }, 'names', /specified twice/],
    [{ namespace: 'minimega' }, 'namespace', /each node's own/],
    [{ namespace: 'a b' }, 'namespace', /letters, digits/],
    [{ memory: 0 }, 'memory', /1 at least/],
    [{ memory: 'much' }, 'memory', /whole number/],
    [{ networks: ['0'] }, 'networks.0', /from 1 to 4094/],
    [{ networks: ['lan', '4095'] }, 'networks.1', /from 1 to 4094/],
    [{ vlans: { lan: 4095 } }, 'vlans.lan', /from 1 to 4094/],
    [{ vlans: { mgmt: 100 } }, 'vlans.mgmt', /no NIC is on/],
    [{ vlans: { lan: 100, dmz: 100 } }, 'vlans.dmz', /two VLANs cannot/],
    [{ kernel: '' }, 'disks', /what the VMs boot from/],
    [{ kernel: '../etc/passwd' }, 'kernel', /no `..`/],
    [{ disks: ['web.qcow2'], writesImage: true }, 'writesImage', /8 VMs cannot write to one image/],
    [{ disks: ['nope.qcow2'] }, 'disks.0', /no node has \/files\/nope.qcow2/],
    [{ memory: 4_096 }, 'nodes', /a VM takes 4096 MB, and the most that is left is 1024 MB of 1024 MB/],
    [{ names: 'web[1-20]' }, 'nodes', /8 of 20 VMs have no place: node\[2-4\] have room for 12 of 256 MB/],
    [{ nodes: 'node9' }, 'nodes', /node9: no node node9/],
    [{ nodes: 'node[2-', place: 'fill' }, 'nodes', /\[/],
    [{ nodes: 'node[1-2]', place: 'one-each' }, 'nodes', /8 VMs, one on each node, and 2 of 2 nodes have room/],
  ])('%j is an error at %s', async (change, field, message) => {
    await expect(plan(change)).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringMatching(message) as string,
      detail: { field },
    });
    expect(launches()).toEqual([]);
    expect(lab.states()).toEqual([]);
  });

  test('gives VMs names that are only counted', async () => {
    const made = await plan({ names: ' 3 ' });
    expect(made.title).toBe('Launch vm[1-3] in lab');
    expect([...shapeOf(made).byNode.values()].flat().sort()).toEqual(['vm1', 'vm2', 'vm3']);
  });

  test('fills one node after the other, or puts one on each', async () => {
    const full = await plan({ names: 'web[1-6]', place: 'fill' });
    expect(describeLaunch(shapeOf(full))).toContain('4 on node2 and 2 on node3');
    const apart = await plan({ names: 'web[1-3]', nodes: 'node[1-4]', place: 'one-each' });
    expect([...shapeOf(apart).byNode].map(([node, names]) => `${node} ${names.join()}`)).toEqual([
      'node1 web1',
      'node2 web2',
      'node3 web3',
    ]);
  });

  test('5,000 names are one plan, in steps of 50 VMs', async () => {
    lab.vms.splice(
      0,
      all.length,
      ...all.map((name) => new MemoryVms({ name, files: lab.files, memoryMb: 1_000_000, cpus: 64 })),
    );
    await lab.start();
    const made = await plan({ names: 'web[1-5000]', nodes: 'node[1-4]' });
    expect(made.steps.filter(({ do: { action } }) => action === 'launchVms')).toHaveLength(100);
    expect(describeLaunch(shapeOf(made))).toMatch(/^5000 VMs, 1250 on each of node\[1-4\]/);
  });

  test('nodes whose NIC is in no bridge are named before VMs with a network are launched there', async () => {
    const { nodes } = ringOfNodes(all.length);
    const reports = { Owner: 'ifupdown', Persistence: '', Reboot: '', Alarms: [] };
    for (const [at, uplink] of ['eth0', '', 'eth0', ''].entries()) {
      const node = nodes[at]?.Id ?? '';
      lab.mesh.put(bridgeKind, { Node: node, Bridge: uplink === '' ? '' : 'mega_bridge', Uplink: uplink, ...reports });
    }
    await vi.waitFor(() => {
      expect(JSON.stringify(fleet.snapshot().Kinds['bridges'])).toContain(nodes[3]?.Id);
    });
    const alone = (made: Plan) => made.warnings.filter((text) => text.includes('bridge'));
    expect(alone(await plan({ nodes: 'node[1-4]' }))).toEqual([
      'node[2,4]: their NICs are in no bridge, so VMs there do not meet those of other nodes. Bridge node[2,4], before the launch or after it.',
    ]);
    expect(alone(await plan({ nodes: 'node[1-4]', networks: [], vlans: {} }))).toEqual([]);
    expect(alone(await plan({ names: 'web[1-2]', nodes: 'node[1,3]' }))).toEqual([]);
  });

  test('names and numbers that others have are errors at their fields', async () => {
    await lab.run('node1', 'namespace lab vm launch kvm web[3-4] with memory=16');
    await expect(plan()).rejects.toMatchObject({
      detail: { field: 'names' },
      message: expect.stringMatching(/^web\[3-4\] are in lab already, on node2, node3: choose other names$/) as string,
    });
    lab.mesh.put(vlanKind, {
      Vlan: 150,
      Namespace: '',
      Alias: '',
      Owner: 'x',
      Pinned: true,
      Split: false,
      Clash: false,
    });
    await vi.waitFor(() => {
      expect(JSON.stringify(fleet.snapshot().Kinds['vlans'])).toContain('150');
    });
    await expect(plan({ names: 'db[1-2]', vlans: { lan: 150 } })).rejects.toMatchObject({
      detail: { field: 'vlans.lan' },
      message: expect.stringContaining('is blacklisted') as string,
    });
    lab.vlans.set('lab//lan', 120);
    await expect(plan({ names: 'db[1-2]', vlans: { lan: 121 } })).rejects.toMatchObject({
      message: 'lan is VLAN 120 already: leave the number out',
    });
    const made = await plan({ names: 'db[1-2]', vlans: { lan: 120 } });
    expect(made.steps.map(({ key }) => key)).not.toContain('ensureVlan lan');
    expect(shapeOf(made).networks).toEqual(['lan (120)', 'dmz (new)']);
  });
});

describe('the run', () => {
  test('launches and starts all, and its undo leaves nothing', async () => {
    const id = await begin();
    expect((await end(id)).state).toBe('done');
    expect(lab.states()).toHaveLength(8);
    expect(lab.states().every((text) => text.endsWith(' RUNNING'))).toBe(true);
    expect([...lab.vlans]).toEqual([
      ['lab//lan', 101],
      ['lab//dmz', 102],
    ]);
    await core.undo(ann, id);
    const undone = await end(id);
    expect([undone.state, ...Object.values(statesOf(undone))]).toEqual(Array.from({ length: 10 }, () => 'undone'));
    expect(lab.states()).toEqual([]);
    expect([...lab.vlans]).toEqual([]);
  });

  test('an undo takes away the VMs of the run and no others, and leaves what others use', async () => {
    const id = await begin({ names: 'web[1-4]' });
    await end(id);
    await lab.run('node1', 'namespace lab vm launch kvm other with memory=16 networks=lan');
    // Somebody replaced one of them by a VM of the same name.
    await lab.run('node1', 'namespace lab vm kill web2');
    await lab.run('node1', 'namespace lab vm flush web2');
    await lab.run('node1', 'namespace lab vm launch kvm web2 with memory=16');
    await core.undo(ann, id);
    const undone = await end(id);
    expect(undone.state).toBe('undone');
    expect(lab.states().map((text) => text.split(' ')[1])).toEqual(expect.arrayContaining(['web2', 'other']));
    expect(lab.states()).toHaveLength(2);
    expect([...lab.vlans.keys()]).toEqual(['lab//lan']);
    expect(undone.log.map(({ text }) => text).join('\n')).toMatch(/the VLAN lan stays.*\n.*the namespace lab stays/);
  });

  test('a failure names each VM, stops the rest, and a retry launches what is missing', async () => {
    const third = lab.vms[2];
    if (!third) throw new Error('no node3');
    third.onCall = (call, what) => {
      if (call === 'launch one' && what === 'web5') throw new Error('no room for it');
    };
    const id = await begin({ kernel: 'vmlinuz' });
    const failed = await end(id);
    expect(failed.state).toBe('failed');
    const step = failed.steps.find(({ key }) => key === 'launchVms node3');
    expect(step?.error).toMatch(/^web5: no room for it/);
    expect(step?.result).toMatchObject({
      detail: {
        vms: [
          { name: 'web2', error: '' },
          { name: 'web5', error: expect.stringContaining('no room') as string },
          { name: 'web8', error: '' },
        ],
      },
    });
    expect(statesOf(failed)).toMatchObject({
      'launchVms node2': 'done',
      'startVms node3': 'skipped',
      'launchVms node4': 'skipped',
    });
    third.onCall = () => undefined;
    lab.mesh.lines.length = 0;
    await core.retry(ann, id, {});
    expect((await end(id)).state).toBe('done');
    expect(launches()[0]).toMatch(/kvm web5 with/);
    expect(lab.states().filter((text) => text.endsWith('RUNNING'))).toHaveLength(8);
  });

  test('the undo of a run that failed half-way leaves nothing of it', async () => {
    const third = lab.vms[2];
    if (!third) throw new Error('no node3');
    third.onCall = (call, what) => {
      if (call === 'launch one' && what === 'web5') throw new Error('no room for it');
    };
    const id = await begin();
    expect((await end(id)).state).toBe('failed');
    await core.undo(ann, id);
    expect((await end(id)).state).toBe('undone');
    expect(lab.states()).toEqual([]);
    expect([...lab.vlans]).toEqual([]);
  });

  test('VMs that do not start are named, with why', async () => {
    const second = lab.vms[1];
    if (!second) throw new Error('no node2');
    second.act = () => Promise.resolve(second.list('lab').map((vm) => ({ vm, error: 'out of memory', isSkip: false })));
    const failed = await end(await begin({ names: 'web[1-2]', nodes: 'node2', networks: [] }));
    expect(failed.steps.find(({ key }) => key === 'startVms node2')?.error).toMatch(/web\[1-2\]: .*out of memory/);
  });

  test('after a crash of the console the VMs of the run are looked for, not launched twice', async () => {
    let sent: () => void = () => undefined;
    const isSent = new Promise<void>((resolve) => (sent = resolve));
    // The node does it, and the answer never comes.
    lab.instead.set(' vm launch ', async (run) => {
      await run();
      lab.instead.clear();
      sent();
      return new Promise(() => undefined);
    });
    const id = await begin({ names: 'web[1-2]', nodes: 'node2', networks: [] });
    await isSent;
    await core.stop();
    core = createCore();
    await core.start();
    const view = await end(id);
    expect(view.state).toBe('done');
    expect(launches()).toHaveLength(1);
    expect(lab.states()).toEqual(['node2: web1 RUNNING', 'node2: web2 RUNNING']);
    await core.undo(ann, id);
    expect((await end(id)).state).toBe('undone');
    expect(lab.states()).toEqual([]);
  });

  test('images are copied first, and a copy that fails launches nothing there', async () => {
    lab.vms.splice(
      1,
      1,
      new MemoryVms({
        name: 'node2',
        files: new Set(),
        elsewhere: new Map([['/files/vmlinuz', 4_096]]),
        memoryMb: 1_024,
      }),
    );
    await lab.start();
    lab.fetching.set('node2', [
      { name: '/files/vmlinuz', state: 'failed', bytes: 4_096, doneBytes: 0, error: 'node1 has another one' },
    ]);
    const made = await plan({ names: 'web[1-2]', nodes: 'node[2-3]' });
    expect(describeLaunch(shapeOf(made))).toContain('; /files/vmlinuz is copied to node2.');
    const failed = await end((await core.startRun(ann, made.id, {})).id);
    expect(failed.steps.find(({ key }) => key === 'fetchImages node2')?.error).toBe('node1 has another one');
    expect(lab.got).toEqual(['node2: /files/vmlinuz']);
    expect(launches()).toEqual([]);
  });

  test('an operator may launch, a viewer may not', async () => {
    const request = { kind: 'launch', form, secrets: {}, signal: new AbortController().signal };
    await expect(core.makePlan({ ...ann, role: 'viewer' }, request)).rejects.toMatchObject({ code: 'refused' });
  });
});
