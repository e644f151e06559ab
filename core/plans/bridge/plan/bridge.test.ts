// The bridge's decisions: facts and a choice in; findings, plan, waves, rule and causes out. No node is touched here.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Plan } from '../../../../contract/plans.ts';
import { unifiedDiff } from '../../../unified-diff.ts';
import { findPlanIssue } from '../../schedule.ts';
import { compareTraits, guessCauses } from './causes.ts';
import type { BridgeEvidence } from './causes.ts';
import type { BridgeFacts } from '../observe/facts.ts';
import { BridgeForm, RemoveBridgeForm } from './inputs.ts';
import type { BridgeSighting, PlanPersistence } from './inputs.ts';
import { planBridge, planRemoveBridge } from './plan.ts';
import { RebootProofArgs } from './step-args.ts';
import { describeFileCommands } from './commands.ts';
import { renderRunbook } from './runbook.ts';
import { BridgeStepArgs } from './step-args.ts';
import type { PlannedTransaction } from './step-args.ts';
import { bridgedFacts, bridgeFacts, nicFacts, ovsBridgeFacts, transactionMark } from '../observe/facts-for-tests.ts';
import { defaultBridgeTimes } from './times.ts';
import type { TransactionStatus } from './transaction.ts';
import { planUndo } from './undo.ts';
import { judgeBridge } from '../judge/verdict.ts';
import { uplinksOf } from '../judge/uplink.ts';
import type { BridgeChoice } from '../judge/uplink.ts';
import type { BridgeFinding } from '../judge/finding.ts';
import { planWaves } from './waves.ts';
import { chooseRule, describeMissingWitnesses, isSeenFromOutside } from './witnesses.ts';

const context = { id: 'p1', nowMs: 1_000 };
const auto: BridgeChoice = { bridge: 'mega_bridge', uplink: 'auto', method: 'auto', datapath: 'auto' };
const judge = (facts: BridgeFacts, choice: Partial<BridgeChoice> = {}) => judgeBridge(facts, { ...auto, ...choice });
const found = (facts: BridgeFacts, choice: Partial<BridgeChoice> = {}) =>
  judge(facts, choice).findings.map(({ level, id }) => `${level} ${id}`);

describe('the verdict on a node', () => {
  test('a bare Debian node is fit: its NIC, its owner’s method, the kernel’s datapath', () => {
    expect(judge(bridgeFacts())).toMatchObject({
      presence: 'absent',
      uplink: { name: 'eth0' },
      method: 'ifupdown',
      datapath: 'system',
      findings: [],
    });
  });

  test.each(['docker0', 'veth7', 'tap0', 'br-lan', 'vnet1'])('takes a NIC of hardware that is called %s', (name) => {
    const facts = bridgeFacts({ ingress: name, nics: [nicFacts({ name })] });
    expect(judge(facts)).toMatchObject({ uplink: { name } });
    expect(judge(facts).findings.map(({ id }) => id)).not.toContain('virtual');
    const inside = ovsBridgeFacts({ ports: [name] });
    expect(uplinksOf(facts, inside).map((nic) => nic.name)).toEqual([name]);
  });

  test('finds a NIC by its other names', () => {
    const facts = bridgeFacts({ nics: [nicFacts({ altNames: ['enp1s0', 'enx525400000005'] })] });
    expect(judge(facts, { uplink: 'enp1s0' })).toMatchObject({ uplink: { name: 'eth0' } });
  });

  const nic = (parts: Parameters<typeof nicFacts>[0]) => bridgeFacts({ nics: [nicFacts(parts)] });
  test.each<[string, BridgeFacts, Partial<BridgeChoice>, string]>([
    ['a NIC that is missing', bridgeFacts(), { uplink: 'eth7' }, 'block no-uplink'],
    ['wifi', nic({ kind: 'wifi' }), {}, 'block wifi'],
    ['a member of another OVS bridge', nic({ ovsBridge: 'br0' }), {}, 'block member'],
    ['a member of a bond', nic({ master: 'bond0' }), {}, 'block member'],
    ['a Linux bridge', nic({ kind: 'bridge' }), {}, 'block linux-bridge'],
    ['a veth of a machine that has hardware', nic({ kind: 'virtual' }), {}, 'block virtual'],
    ['a macvlan', nic({ kind: 'macvlan' }), {}, 'block macvlan'],
    ['an NFS root by nobody knows what', bridgeFacts({ networkRoot: 'nfs' }), {}, 'block network-root'],
    ['an NFS root over it', bridgeFacts({ networkRoot: 'nfs', networkRootOver: ['eth0'] }), {}, 'block network-root'],
    [
      'an NFS root over a VLAN of it',
      bridgeFacts({ networkRoot: 'nfs', networkRootOver: ['eth0.7'], nics: [nicFacts({ uppers: ['eth0.7'] })] }),
      {},
      'block network-root',
    ],
    [
      'an NFS root over another NIC',
      bridgeFacts({ networkRoot: 'nfs', networkRootOver: ['eth1'] }),
      {},
      'warn network-root',
    ],
    ['an iSCSI root', bridgeFacts({ networkRoot: 'iscsi' }), {}, 'block network-root'],
    ['no Open vSwitch', bridgeFacts({ ovs: { version: '' } }), {}, 'block ovs'],
    ['Open vSwitch down', bridgeFacts({ ovs: { isSwitchUp: false } }), {}, 'block ovs-down'],
    ['a full disk', bridgeFacts({ diskBytes: 4096 }), {}, 'block disk'],
    ['no systemd', bridgeFacts({ hasSystemd: false }), {}, 'block systemd'],
    ['Proxmox VE', bridgeFacts({ isProxmox: true }), {}, 'block proxmox'],
    ['a checkpoint of NetworkManager', bridgeFacts({ nmCheckpoints: 1 }), {}, 'block checkpoint'],
    ['no kernel module', bridgeFacts({ ovs: { hasKernelModule: false } }), {}, 'warn userspace'],
    ['no kernel module and no nft', bridgeFacts({ hasNft: false, ovs: { hasKernelModule: false } }), {}, 'block nft'],
    [
      'the kernel’s datapath without it',
      bridgeFacts({ ovs: { hasKernelModule: false } }),
      { datapath: 'system' },
      'block datapath',
    ],
    ['no BMC and no other way', bridgeFacts({ hasBmc: false }), {}, 'warn only-path'],
    ['two DHCP clients', nic({ dhcp: 'dhclient', dhcpPrograms: 2 }), {}, 'block clients'],
    [
      'the other datapath than the bridge there has',
      bridgeFacts({ ovs: { bridges: [ovsBridgeFacts({ ports: [], datapathType: 'netdev' })] } }),
      { datapath: 'system' },
      'block datapath',
    ],
    ['DHCP without a fixed identifier', nic({ dhcp: 'dhclient' }), {}, 'warn client-id'],
    ['stable-privacy', nic({ ipv6Mode: 'stable-privacy' }), {}, 'warn stable-privacy'],
    ['rules of a firewall', nic({ entanglements: ['firewall rules name it (inet filter)'] }), {}, 'warn entangled'],
    [
      'a firewalld zone',
      nic({ entanglements: ["it is in firewalld's zone internal, and mega_bridge in public"] }),
      {},
      'warn zone',
    ],
    ['a VM', bridgeFacts({ virtualisation: 'kvm' }), {}, 'warn nested'],
    ['a switch port known by LLDP', nic({ lldp: 'sw1 port 7' }), {}, 'warn switch-port'],
    ['a bond', nic({ name: 'eth0', kind: 'bond' }), {}, 'warn bond'],
    ['a VLAN sub-interface', nic({ kind: 'vlan', lower: 'eth1' }), {}, 'warn vlan'],
    [
      'another NIC that was heard on its wire',
      bridgeFacts({ nics: [nicFacts(), nicFacts({ name: 'eth1', routes: [] })], sameSegment: [['eth1', 'eth0']] }),
      {},
      'warn loop',
    ],
    [
      'another NIC with an address in its network',
      bridgeFacts({
        nics: [
          nicFacts(),
          nicFacts({ name: 'eth1', routes: [{ family: 4, text: '10.0.0.0/24 dev eth1 proto kernel scope link' }] }),
        ],
      }),
      {},
      'warn loop',
    ],
    ['policy rules', bridgeFacts({ deviceRules: ['100: from all iif eth0 lookup 7'] }), {}, 'warn rules'],
    ['an owner nobody knows', nic({ owner: 'none' }), {}, 'warn owner'],
    ['ifupdown for a NIC of NetworkManager', nic({ owner: 'networkmanager' }), { method: 'ifupdown' }, 'block method'],
    ['ifupdown without its hook', bridgeFacts({ hasIfupdownHook: false }), { method: 'ifupdown' }, 'block hook'],
  ])('%s', (_name, facts, choice, finding) => {
    expect(found(facts, choice)).toContain(finding);
  });

  test('two default routes: a warning, and the NIC that the console came in on is meant', () => {
    const facts = bridgeFacts({
      nics: [nicFacts(), nicFacts({ name: 'eth1', routes: [] })],
      defaultRoutes: [
        { family: 4, via: '10.1.0.1', dev: 'eth1', metric: 0 },
        { family: 4, via: '10.0.0.1', dev: 'eth0', metric: 100 },
      ],
    });
    expect(judge(facts).uplink?.name).toBe('eth0');
    expect(found(facts)).toEqual(['warn two-routes']);
  });

  test('IPv6 only is all right; with an address made from the interface’s name it says what that means', () => {
    const address = { family: 6, address: 'fd00::5/64', scope: 'global', flags: [], validSeconds: null } as const;
    const facts = (ipv6Mode: 'static' | 'stable-privacy') =>
      bridgeFacts({
        ingressAddress: 'fd00::5',
        dnsServers: [],
        defaultRoutes: [],
        nics: [nicFacts({ addresses: [address], ipv6Mode })],
      });
    expect(found(facts('static'))).toEqual([]);
    expect(judge(facts('stable-privacy')).findings[0]?.text).toContain('no IPv4 address');
  });

  test('VLANs on the uplink keep working with the kernel’s datapath, and would go deaf with the other', () => {
    const facts = (hasKernelModule: boolean) =>
      bridgeFacts({
        ingress: 'eth0.100',
        nics: [nicFacts({ uppers: ['eth0.100'] }), nicFacts({ name: 'eth0.100', kind: 'vlan', lower: 'eth0' })],
        ovs: { hasKernelModule },
      });
    expect(found(facts(true), { uplink: 'eth0' })).toContain('warn uppers');
    expect(found(facts(false), { uplink: 'eth0' })).toContain('block uppers');
  });

  test('a second uplink in the same network is a loop', () => {
    const bridge = ovsBridgeFacts({ ports: ['eth1'] });
    const facts = bridgeFacts({
      nics: [nicFacts(), nicFacts({ name: 'eth1', ovsBridge: 'mega_bridge' })],
      ovs: { bridges: [bridge] },
    });
    expect(found(facts, { uplink: 'eth0' })).toContain('block second-uplink');
    expect(judge(facts).uplink?.name).toBe('eth1');
  });

  test('a transaction of someone else blocks, whether it is under way or stuck; one that is over does not', () => {
    const facts = (state: 'applied' | 'committed', isArmed: boolean) =>
      bridgeFacts({
        transaction: transactionMark({ id: 'r9-1', state, ageSeconds: 12, holder: 'Bob at c2', isArmed }),
      });
    expect(judge(facts('applied', true)).findings[0]).toMatchObject({ level: 'block', id: 'transaction' });
    expect(judge(facts('applied', true)).findings[0]?.text).toContain('Bob at c2');
    expect(judge(facts('applied', false)).findings[0]).toMatchObject({ id: 'transaction-stuck' });
    expect(found(facts('committed', false))).toEqual([]);
  });

  test('what is there already is recognised: right, without persistence, half done', () => {
    expect(judge(bridgedFacts())).toMatchObject({ presence: 'right', madeBy: 'Meshdeck', findings: [] });
    expect(
      judge(bridgedFacts({ rebootDoubts: ['eth0 is not in /etc/network/interfaces'], committed: null })).presence,
    ).toBe('unproven');
    const minimega = bridgedFacts({
      committed: null,
      rebootDoubts: ['nothing brings it up'],
      ovs: { bridges: [ovsBridgeFacts({ ports: ['eth0', 'mega_tap3'] })] },
    });
    expect(judge(minimega)).toMatchObject({ presence: 'unproven', uplink: { name: 'eth0' } });
    expect(judge(minimega).madeBy).toContain('minimega');
    expect(judge(bridgeFacts({ ovs: { bridges: [ovsBridgeFacts({ ports: [] })] } })).presence).toBe('partial');
    const deaf = bridgeFacts({ nics: [nicFacts({ ovsBridge: 'mega_bridge' })], ovs: { bridges: [ovsBridgeFacts()] } });
    expect(judge(deaf).presence).toBe('partial');
    // Of an attempt that was cut short: all is there but for the next start of the database.
    const marked = bridgedFacts({ rebootDoubts: ['eth0 has the transient mark'] });
    expect(judge(marked).presence).toBe('unproven');
  });

  test('what differs from the commit is put right by the plan that is advised: files, and the record of them', () => {
    const drifted = bridgedFacts({ drift: ['/etc/network/interfaces was changed since'] });
    expect(judge(drifted)).toMatchObject({ presence: 'unproven', findings: [{ id: 'drift' }] });
    const step = goodPlan([sighting('node1', drifted)]).steps[0];
    expect(step).toMatchObject({ key: 'persistBridge node1', isDone: false });
    expect(step?.why).toContain('differs from what was committed');
    const other = judge({ ...drifted, committed: { ...drifted.committed!, bridge: 'br0' } });
    expect(other).toMatchObject({ presence: 'right', findings: [] });
  });
});

const target = (name: string) => ({ name, address: `10.0.0.${name.replace(/\D/g, '')}`, port: 22, user: 'root' });
const sighting = (name: string, facts: BridgeFacts | null, parts: Partial<BridgeSighting> = {}): BridgeSighting => ({
  target: target(name),
  isHead: false,
  isConsole: false,
  facts,
  error: facts ? '' : `${name}: no route to it`,
  ...parts,
});
const interfaces = '/etc/network/interfaces';
const persist: PlanPersistence = (_facts, { kind, bridge, uplink }) => ({
  files: [
    {
      path: interfaces,
      content: kind === 'remove' ? 'auto eth0\n' : `allow-ovs ${bridge}\nallow-${bridge} ${uplink.name}\n`,
      mode: '644',
      oldSha256: 'x',
    },
  ],
  enable: [],
  disable: [],
  dhcp: 'none',
  findings: [],
});
const plan = (nodes: readonly BridgeSighting[], form: Record<string, unknown> = {}) =>
  planBridge(BridgeForm.parse({ nodes: 'node[1-4]', ...form }), { nodes, bystanders: [] }, context, persist);
function goodPlan(...parameters: Parameters<typeof plan>) {
  const result = plan(...parameters);
  if (!result.ok) throw new Error(result.message);
  return result.plan;
}
const file = { path: interfaces, content: 'auto eth0\n', mode: '644', sha256: 'x' };
const bare = (name: string, parts: Partial<BridgeSighting> = {}) =>
  sighting(name, bridgeFacts({ name, files: [file] }), parts);

describe('the plan', () => {
  test('is whole: one step a node, canary first, head last, stops at the first failure', () => {
    const made = goodPlan([bare('node1', { isHead: true }), bare('node2'), bare('node3'), bare('node4')]);
    expect(Plan.parse(JSON.parse(JSON.stringify(made)))).toEqual(made);
    expect(findPlanIssue(made)).toBeNull();
    expect(made).toMatchObject({
      kind: 'bridge',
      onFailure: 'stop',
      waves: [['node2'], ['node3'], ['node4'], ['node1']],
      command: "meshdeck bridge 'node[1-4]'",
    });
    expect(made.steps.map(({ key }) => key)).toEqual([
      'ensureBridge node1',
      'ensureBridge node2',
      'ensureBridge node3',
      'ensureBridge node4',
    ]);
    expect(made.steps[0]?.undo?.action).toBe('removeBridge');
  });

  test('shows the phases of the script, file diffs, addresses and routes afterwards, outage, rule and rollback', () => {
    const [step] = goodPlan([bare('node2'), bare('node3')]).steps;
    const texts = step?.preview.map(({ text }) => text).join('\n') ?? '';
    // What it does, and not what a person would type: the script takes addresses off before it puts them on.
    expect(step?.preview.filter(({ kind }) => kind === 'command')).toEqual([]);
    expect(texts).toMatch(/^1\. check that addresses, files and Open vSwitch are as planned;/);
    expect(texts).toContain(
      '8. put eth0 into mega_bridge; take all addresses off eth0, and put 10.0.0.5/24 on mega_bridge',
    );
    expect(texts).toContain('in between, well under a second, the node has no address');
    expect(texts).toContain('write /etc/network/interfaces');
    expect(texts).toContain('-auto eth0\n+allow-ovs mega_bridge');
    expect(texts).toContain('mega_bridge has 10.0.0.5/24, which eth0 has now');
    expect(texts).toContain('outage: well under a second');
    expect(texts).toContain('another node sees its host key');
    expect(texts).toContain('within 120 s');
    expect(texts).toContain('at its own console, as root: sh /var/lib/meshd/bridge/pending/tx undo');
    const args = BridgeStepArgs.parse(step?.do.args);
    expect(args.nics).toMatchObject([{ name: 'eth0', isIngress: true }]);
    expect(args).toMatchObject({
      before: { carrier: 'eth0', ports: [] },
      after: { carrier: 'mega_bridge', ports: ['eth0'] },
      witness: { rule: { kind: 'console-and-peer' }, peers: [{ name: 'node3' }] },
      transaction: { checks: ['carrier', 'addresses', 'routes', 'ovs', 'gateway', 'dns'], addresses: ['10.0.0.5/24'] },
    });
  });

  test('by hand, the userspace datapath shuts the kernel out of the NIC, and the rollback lets it in again', () => {
    const text = renderRunbook(goodPlan([sighting('node2', bridgeFacts({ ovs: { hasKernelModule: false } }))]));
    expect(text).toContain('datapath_type=netdev');
    expect(text.indexOf('policy drop')).toBeLessThan(text.indexOf('#   nft delete table netdev meshdeck_bridge'));
  });

  test('finds nothing to do where all is right, and completes what is half done', () => {
    const right = goodPlan([sighting('node2', bridgedFacts()), sighting('node3', bridgedFacts())]);
    expect(right.steps).toEqual([]);
    expect(right.title).toContain('all is right already');
    const mixed = goodPlan([
      sighting('node2', bridgedFacts()),
      sighting('node3', bridgedFacts({ committed: null, rebootDoubts: ['nothing brings it up'] })),
      bare('node4'),
    ]);
    expect(mixed.steps.map(({ key, isDone }) => `${key} ${isDone}`)).toEqual([
      'ensureBridge node2 true',
      'persistBridge node3 false',
      'ensureBridge node4 false',
    ]);
    expect(mixed.waves).toEqual([['node3'], ['node4']]);
    expect(mixed.steps.map(({ undo }) => undo?.action ?? null)).toEqual([null, null, 'removeBridge']);
    expect(mixed.steps[1]?.preview.map(({ text }) => text).join('\n')).not.toContain('ovs-vsctl');
  });

  test('a restart of the canary is asked for by what it ends, between its bridge and the next wave', () => {
    const busy = sighting('node2', bridgeFacts({ files: [file], vms: ['web1', 'db1'], users: ['ann on pts/0'] }));
    const nodes = [bare('node1', { isHead: true }), busy, bare('node3')];
    const made = goodPlan(nodes, { rebootCanary: true });
    expect(findPlanIssue(made)).toBeNull();
    expect(made.command).toBe("meshdeck bridge 'node[1-4]' --reboot-canary");
    expect(made.waves).toEqual([['node2'], ['node3'], ['node1']]);
    expect(made.steps.map(({ key }) => key)).toEqual([
      'ensureBridge node1',
      'ensureBridge node2',
      'proveByReboot node2',
      'ensureBridge node3',
    ]);
    const step = made.steps[2];
    expect(step).toMatchObject({ needs: ['ensureBridge node2'], undo: null, ask: { default: false } });
    expect(step?.ask?.question).toContain('VMs that end: web1, db1; logged in: ann on pts/0');
    expect(RebootProofArgs.parse(step?.do.args)).toMatchObject({ address: '10.0.0.2', addresses: ['10.0.0.5/24'] });
    expect(renderRunbook(made)).toContain('---- node2, the canary: Put');
    expect(goodPlan(nodes).steps).toHaveLength(3);
  });

  test('a bridge that is right already can be proven too; the head and the console’s machine are never restarted', () => {
    const right = (name: string, parts: Partial<BridgeSighting> = {}) => sighting(name, bridgedFacts(), parts);
    const made = goodPlan([right('node1', { isHead: true }), right('node2')], { rebootCanary: true });
    expect(made.steps.map(({ key }) => key)).toContain('proveByReboot node2');
    expect(made.waves).toEqual([['node2']]);
    expect(made.title).toContain('proven by a restart');
    expect(
      plan([bare('node1', { isHead: true }), bare('node2', { isConsole: true })], { rebootCanary: true }),
    ).toMatchObject({ ok: false, field: 'rebootCanary' });
  });

  test('a restart of a node that does not come back is asked for, told, and named with the VMs that it ends', () => {
    const vms = { vms: ['alpha', 'beta'] };
    const [step] = goodPlan([sighting('node1', bridgeFacts(vms)), bare('node2')]).steps;
    expect(BridgeStepArgs.parse(step?.do.args)).toMatchObject({ transaction: { times: { reboot: 0 } } });
    const made = goodPlan([sighting('node1', bridgeFacts(vms)), bare('node2')], { times: { reboot: 300 } });
    expect(BridgeStepArgs.parse(made.steps[0]?.do.args).rollback).toContain('the machine restarts after 5 min');
    expect(made.warnings.filter((text) => text.includes('would restart'))).toEqual([
      expect.stringMatching(/^node1: .* after 5 min, which ends alpha, beta/),
    ]);
    expect(made.command).toContain(' --time reboot=300');
  });

  test('a silent node and a blocked one block it, at the field, with what could be done without them', () => {
    const result = plan([
      bare('node1'),
      sighting('node2', null),
      sighting('node3', bridgeFacts({ diskBytes: 0 })),
      bare('node4'),
    ]);
    expect(result).toMatchObject({ ok: false, field: 'nodes', blocked: [{ node: 'node2' }, { node: 'node3' }] });
    if (result.ok) throw new Error('it was planned');
    expect(result.message).toContain('node2: node2: no route to it');
    expect(result.message).toContain('node3: 0.0 MB free');
    expect(result.message).toContain('Without node[2-3]: node[1,4]');
    // What to choose from where a node’s own NIC does not do; a silent one has shown none.
    expect(result.blocked.map(({ nics }) => nics.map(({ name, isIngress }) => [name, isIngress]))).toEqual([
      [],
      [['eth0', true]],
    ]);
    expect(plan([bare('node1')], { uplink: 'eth9' })).toMatchObject({ ok: false, field: 'uplink' });
    expect(plan([bare('node1')], { uplinks: { node7: 'eth0' } })).toMatchObject({ ok: false, field: 'uplinks.node7' });
  });

  test.each([
    [{ bridge: 'a-name-of-16-chars' }],
    [{ bridge: 'a b' }],
    [{ bridge: '-x' }],
    [{ uplink: '$(reboot)' }],
    [{ uplink: 'eth0;reboot' }],
    [{ window: 5 }],
    [{ window: 601 }],
    [{ times: { window: 1 } }],
    [{ times: { cap: 2_200_000 } }],
    [{ times: { settle: 0.5 } }],
    [{ times: { reboot: 5 } }],
    [{ times: { windw: 300 } }],
    [{ method: 'magic' }],
    [{ nodes: ' ' }],
  ])('bad input is an error at its field: %o', (form) => {
    const parsed = BridgeForm.safeParse({ nodes: 'node1', ...form });
    expect(parsed.error?.issues[0]?.path[0]).toBe(Object.keys(form)[0]);
  });

  test('few nodes: the preview says who has to see it', () => {
    const alone = goodPlan([bare('node1')], { nodes: 'node1' });
    expect(JSON.stringify(alone.steps[0]?.preview)).toContain('there is no other node to look from');
    const onIt = goodPlan([bare('node1', { isConsole: true })], { nodes: 'node1' });
    expect(BridgeStepArgs.parse(onIt.steps[0]?.do.args).witness.rule.kind).toBe('person-and-gateway');
  });

  test('a bond has a window of 300 s unless another is asked for; the cap is never below the window', () => {
    const bond = sighting('node2', bridgeFacts({ nics: [nicFacts({ kind: 'bond' })] }));
    const times = (form: Record<string, unknown>) =>
      BridgeStepArgs.parse(goodPlan([bond], form).steps[0]?.do.args).transaction.times;
    expect(times({})).toMatchObject({ window: 300, cap: 600 });
    expect(times({ window: 15, times: { cap: 10 } })).toMatchObject({ window: 15, cap: 15, inside: 15 });
  });

  test('uplinks with different MTUs are reported', () => {
    const other = sighting('node3', bridgeFacts({ nics: [nicFacts({ mtu: 9000 })] }));
    expect(goodPlan([bare('node2'), other]).warnings[0]).toContain('1500 on node2, 9000 on node3');
  });

  test('a runbook has the commands of each node in the order of the waves, and does not run as a whole', () => {
    const text = renderRunbook(goodPlan([bare('node1', { isHead: true }), bare('node2')]));
    expect(text.indexOf('---- node2, the canary')).toBeLessThan(text.indexOf('---- node1'));
    expect(text).toMatch(/^exit 1/m);
    expect(text).toContain("cat >/etc/network/interfaces <<'MESHDECK-END'\nallow-ovs mega_bridge");
    expect(text).toContain('ip address add 10.0.0.5/24 brd + dev mega_bridge');
    expect(text).toContain('#   ovs-vsctl --if-exists --no-wait del-br mega_bridge');
    expect(text).toContain('ip route replace default via 10.0.0.1 dev mega_bridge metric 100');
    // Each file is copied and written over only while it is what the plan saw, and the rollback restores it.
    expect(text).toMatch(
      /^echo '[0-9a-z]+ {2}\/etc\/network\/interfaces' \| sha256sum -c && cp -a \/etc\/network\/interfaces \/root\/before-ensure-mega_bridge\/etc\/network\/interfaces && cat >\/etc\/network\/interfaces <</m,
    );
    expect(text).toContain('#   cp -a /root/before-ensure-mega_bridge/etc/network/interfaces /etc/network/interfaces');
  });

  test('a runbook takes the last address of a subnet off first, and adds a gateway’s route after the route to it', () => {
    const addresses = ['10.0.0.5/24', '10.0.0.6/24', '10.9.9.9/32'];
    const nic = nicFacts();
    const facts = bridgeFacts({
      nics: [
        {
          ...nic,
          addresses: addresses.map((address) => ({
            family: 4,
            address,
            scope: 'global',
            flags: [],
            validSeconds: null,
          })),
          routes: ['default via 10.1.0.1 dev eth0 onlink', '10.1.0.1 dev eth0 scope link'].map((text) => ({
            family: 4,
            text,
          })),
        },
      ],
    });
    const lines = renderRunbook(goodPlan([sighting('node2', facts)])).split('\n');
    expect(lines.filter((line) => line.startsWith('ip '))).toEqual([
      'ip link set mega_bridge up mtu 1500',
      'ip address add 10.0.0.5/24 brd + dev mega_bridge',
      'ip address add 10.0.0.6/24 brd + dev mega_bridge',
      'ip address add 10.9.9.9/32 dev mega_bridge',
      'ip address del 10.9.9.9/32 dev eth0',
      'ip address del 10.0.0.6/24 dev eth0',
      'ip address del 10.0.0.5/24 dev eth0',
      'ip route replace 10.1.0.1 dev mega_bridge scope link',
      'ip route replace default via 10.1.0.1 dev mega_bridge onlink',
    ]);
    expect(lines).toContain('#   ip address add 10.0.0.6/24 brd + dev eth0');
  });

  test('what a runbook prints to paste has no tab, which completes words, and no `!`, which is the shell’s history', () => {
    const content = 'iface eth0 inet manual\n\tpre-up [ ! -e /x ] || echo !x \\t <tab>\n';
    const transaction = BridgeStepArgs.parse(goodPlan([bare('node2')]).steps[0]?.do.args).transaction;
    const files = [{ path: '/etc/a', content, mode: '644', oldSha256: null }];
    const printed = describeFileCommands({ ...transaction, files }).join('\n');
    expect(printed).not.toMatch(/[\t!](?!\/g)/);
    expect(printed).toContain(
      "sed 's/<<tab>>/\\t/g; s/<mark>/!/g' >/etc/a <<'MESHDECK-END'\n" +
        'iface eth0 inet manual\n<<tab>>pre-up [ <mark> -e /x ] || echo <mark>x \\t <tab>\nMESHDECK-END',
    );
  });
});

describe('taking it away', () => {
  const remove = (facts: BridgeFacts, confirm = 'mega_bridge') =>
    planRemoveBridge(
      RemoveBridgeForm.parse({ nodes: 'node5', confirm }),
      { nodes: [sighting('node5', facts)], bystanders: [target('node1')] },
      context,
      persist,
    );

  test('a runbook keeps the mark that the bridge is Meshdeck’s, and its rollback restores it', () => {
    const result = remove(bridgedFacts());
    if (!result.ok) throw new Error(result.message);
    const lines = renderRunbook(result.plan).split('\n');
    const [mark, saved] = ['/var/lib/meshd/bridge/committed', '/root/before-remove-mega_bridge/var/lib/meshd/bridge'];
    expect(lines).toEqual(
      expect.arrayContaining([
        `mkdir -p ${saved}`,
        `[ ! -e ${mark} ] || mv ${mark} ${saved}/committed`,
        `#   [ ! -e ${saved}/committed ] || mv ${saved}/committed ${mark}`,
      ]),
    );
  });

  test('names its blast radius and asks for the bridge’s name', () => {
    expect(remove(bridgedFacts(), 'yes')).toMatchObject({ ok: false, field: 'confirm' });
    const facts = bridgedFacts({
      taps: { mega_bridge: ['mega_tap1'] },
      ovs: { bridges: [ovsBridgeFacts({ ports: ['eth0', 'mega_tap1', 'vxlan7'] })] },
    });
    const result = remove(facts);
    if (!result.ok) throw new Error(result.message);
    expect(result.plan.warnings.join('\n')).toContain('mega_tap1, vxlan7 on mega_bridge lose their network');
    const args = BridgeStepArgs.parse(result.plan.steps[0]?.do.args);
    expect(args).toMatchObject({
      transaction: { kind: 'remove', uplink: 'eth0', addresses: ['10.0.0.5/24'] },
      before: { carrier: 'mega_bridge' },
      after: { carrier: 'eth0', bridge: '' },
    });
    expect(JSON.stringify(result.plan.steps[0]?.preview)).toContain(
      'take eth0 out of mega_bridge; take all addresses off',
    );
  });

  test('is blocked by what would meddle with it, also where the bridge is all right', () => {
    const result = remove(bridgedFacts({ nmCheckpoints: 1 }));
    expect(result.ok ? [] : result.blocked.flatMap(({ findings }) => findings.map(({ id }) => id))).toEqual([
      'checkpoint',
    ]);
  });

  test('leaves alone what others made, and finds nothing where no bridge exists', () => {
    expect(remove(bridgedFacts({ committed: null }))).toMatchObject({ ok: false, field: 'bridge' });
    expect(remove(bridgeFacts())).toMatchObject({ ok: true, plan: { steps: [] } });
  });

  test('does not claim that no bridge exists where Open vSwitch is down and cannot say', () => {
    const result = remove(bridgeFacts({ ovs: { isDatabaseUp: false } }));
    expect(result).toMatchObject({ ok: false, blocked: [{ node: 'node5', findings: [{ id: 'ovs-down' }] }] });
    expect(result.ok ? '' : result.message).toContain('Open vSwitch is down: ovsdb-server does not answer');
  });
});

describe('the undo of a kept bridge', () => {
  const persist: PlanPersistence = () => ({ files: [], enable: [], disable: [], dhcp: 'none', findings: [] });
  const target = { name: 'node5', address: '10.0.0.5', port: 22, user: 'root' };
  const undo = (facts: BridgeFacts, own = 'r-undo-1', how = persist) => {
    const sighting = { target, isHead: false, isConsole: false, facts, error: '' };
    const witness = {
      rule: { kind: 'console-and-gateway', hasGateway: true } as const,
      peers: [],
      isConsoleOnNode: false,
    };
    const args = { target, bridge: 'mega_bridge', witness, times: defaultBridgeTimes };
    const found = planUndo(sighting, args, { own, all: { nodes: [sighting], bystanders: [] }, persist: how });
    return { kind: found.args?.transaction.kind, blocks: found.blocks.map(({ id }) => id) };
  };

  test('is a removal', () => {
    expect(undo(bridgedFacts())).toEqual({ kind: 'remove', blocks: [] });
  });

  test('is not done where a removal would not be', () => {
    expect(undo(bridgedFacts({ nmCheckpoints: 1 })).blocks).toEqual(['checkpoint']);
    // A file that cannot be put back: the bridge would be gone, and its stanza would not.
    const finding: BridgeFinding = { id: 'persistence', level: 'block', field: '', text: 'edited', mend: 'by hand' };
    const stuck = undo(bridgedFacts(), 'r-undo-1', (...args) => ({ ...persist(...args), findings: [finding] }));
    expect(stuck.blocks).toEqual(['persistence']);
  });

  test('continues its own transaction, and starts none beside another', () => {
    const facts = bridgedFacts({
      transaction: transactionMark({ id: 'r-undo-1', state: 'applied' }),
    });
    expect(undo(facts)).toEqual({ kind: 'remove', blocks: [] });
    expect(undo(facts, 'r-undo-2').blocks).toEqual(['transaction']);
  });

  test('finds nothing to do where nothing was kept: no bridge, or another’s bridge that we should have completed', () => {
    expect(undo(bridgeFacts())).toEqual({ blocks: [] });
    expect(undo(bridgedFacts({ committed: null }))).toEqual({ blocks: [] });
    expect(undo(bridgeFacts({ diskBytes: 0 }))).toEqual({ blocks: [] });
    expect(undo(bridgeFacts({ ovs: { isSwitchUp: false } })).blocks).toEqual(['ovs-down']);
  });
});

describe('waves', () => {
  const nodes = fc.uniqueArray(
    fc.record({ name: fc.string({ minLength: 1 }), isHead: fc.boolean(), isConsole: fc.boolean() }),
    { selector: ({ name }) => name, maxLength: 300 },
  );

  test('each node once, none larger than the cap, doubling behind one canary, head and console last and alone', () => {
    fc.assert(
      fc.property(nodes, fc.integer({ min: 1, max: 64 }), (all, cap) => {
        const waves = planWaves(all, cap);
        expect(waves.flat().toSorted()).toEqual(all.map(({ name }) => name).toSorted());
        expect(waves.every((wave) => wave.length >= 1 && wave.length <= cap)).toBe(true);
        const isLate = new Map(all.map((node) => [node.name, node.isHead || node.isConsole]));
        const kinds = waves.map((wave) => wave.some((name) => isLate.get(name)));
        expect(kinds).toEqual(kinds.toSorted((a, b) => Number(a) - Number(b)));
        expect(waves.filter((_, at) => kinds[at]).every((wave) => wave.length === 1)).toBe(true);
        const early = waves.filter((_, at) => !kinds[at]).map((wave) => wave.length);
        early.slice(0, -1).forEach((size, at) => expect(size).toBe(at < 2 ? 1 : Math.min(cap, 2 ** (at - 1))));
      }),
    );
  });
});

describe('the rule of witnesses', () => {
  const sights = fc.record({
    console: fc.boolean(),
    peers: fc.array(fc.constantFrom('a', 'b', 'c')),
    gateway: fc.boolean(),
    person: fc.boolean(),
  });
  const rules = fc
    .record({ isConsoleOnNode: fc.boolean(), peers: fc.integer({ min: 0, max: 9 }), hasGateway: fc.boolean() })
    .map(chooseRule);

  test('the console and one peer, or two peers; nobody alone where others could look', () => {
    const rule = chooseRule({ isConsoleOnNode: false, peers: 3, hasGateway: true });
    const seen = (console: boolean, peers: string[]) =>
      isSeenFromOutside(rule, { console, peers, gateway: true, person: true });
    expect([seen(true, ['a']), seen(false, ['a', 'b'])]).toEqual([true, true]);
    expect([seen(true, []), seen(false, ['a']), seen(false, ['a', 'a']), seen(false, [])]).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  test('a console on the node itself never counts; more sightings never undo a verdict; what is missing is named', () => {
    fc.assert(
      fc.property(rules, sights, sights, (rule, a, b) => {
        const both = {
          console: a.console || b.console,
          peers: [...a.peers, ...b.peers],
          gateway: a.gateway || b.gateway,
          person: a.person || b.person,
        };
        if (isSeenFromOutside(rule, a)) expect(isSeenFromOutside(rule, both)).toBe(true);
        if (rule.kind === 'two-peers' || rule.kind === 'peer-and-gateway')
          expect(isSeenFromOutside(rule, { ...a, console: true })).toBe(
            isSeenFromOutside(rule, { ...a, console: false }),
          );
        expect(isSeenFromOutside(rule, { console: false, peers: [], gateway: rule.hasGateway, person: false })).toBe(
          false,
        );
        expect(describeMissingWitnesses(rule, a) === '').toBe(isSeenFromOutside(rule, a));
      }),
    );
  });
});

describe('a guess at the cause', () => {
  const transaction = {
    uplink: 'eth0',
    bridge: 'mega_bridge',
    dhcp: 'none',
    mac: 'm',
    times: { window: 15 },
  } as PlannedTransaction;
  const status = (checks: TransactionStatus['checks'], dhcp = '') => ({ checks, dhcp }) as TransactionStatus;
  const seen = (name: string, isSeen: boolean, lastError = '') => ({ name, isSeen, isStranger: false, lastError });
  const gateway = { name: 'gateway', isOk: false, text: '10.0.0.1 answers no ARP' } as const;
  test.each<[string, Partial<BridgeEvidence>, RegExp]>([
    ['gateway silent to a node that nobody sees', { status: status([gateway]) }, /BPDU guard or a limit of MAC/],
    [
      'gateway silent to a node that peers see',
      { status: status([gateway]), peers: [seen('node2', true)] },
      /keeps the old port/,
    ],
    ['peers see it, the console does not', { status: status([]), peers: [seen('node2', true)] }, /^routing/],
    [
      'the console sees it, no peer does',
      { console: seen('the console', true), peers: [seen('node2', false, 'no route')] },
      /no other node could see it/,
    ],
    ['no DHCP offer', { status: status([], 'silent') }, /no DHCP server/],
    ['another address', { status: status([], 'other:10.0.0.99') }, /another address \(10.0.0.99\)/],
    [
      'a second machine',
      { console: { ...seen('the console', false, 'la clé d’hôte est une autre'), isStranger: true } },
      /another machine answers/,
    ],
    [
      'the port went down',
      { status: status([{ name: 'carrier', isOk: false, text: 'no carrier' }]) },
      /switch took the port/,
    ],
    ['nothing heard', {}, /has not answered since the change/],
  ])('%s', (_name, parts, cause) => {
    const base: BridgeEvidence = {
      transaction,
      status: null,
      console: seen('the console', false),
      peers: [seen('node2', false)],
    };
    expect(guessCauses({ ...base, ...parts })[0]?.cause).toMatch(cause);
  });

  test('a lease that nothing moved is not a silent DHCP server', () => {
    const parts = { transaction: { ...transaction, dhcp: 'dhclient' as const }, status: status([], 'none') };
    expect(guessCauses({ ...parts, console: seen('the console', true), peers: [] })).toEqual([]);
  });

  test('what a good node and a bad one differ in', () => {
    expect(compareTraits({ MTU: '1500', owner: 'ifupdown' }, { MTU: '9000', owner: 'ifupdown' })).toEqual([
      { fact: 'MTU', good: '1500', bad: '9000' },
    ]);
  });
});

describe('a unified diff', () => {
  test('reads as diff(1) writes it', () => {
    const before = `${Array.from({ length: 12 }, (_, at) => `line ${at + 1}`).join('\n')}\n`;
    expect(unifiedDiff('/etc/x', before, before.replace('line 6\n', 'new\n'))).toBe(
      [
        '--- /etc/x',
        '+++ /etc/x',
        '@@ -3,7 +3,7 @@',
        ' line 3',
        ' line 4',
        ' line 5',
        '-line 6',
        '+new',
        ' line 7',
        ' line 8',
        ' line 9',
      ].join('\n'),
    );
    expect(unifiedDiff('/etc/x', null, 'a\n')).toBe('--- /dev/null\n+++ /etc/x\n@@ -0,0 +1,1 @@\n+a');
    expect(unifiedDiff('/etc/x', 'a\n', 'a\n')).toBe('');
  });

  test('has every line of both sides', () => {
    const texts = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        const diff = unifiedDiff('x', `${a.join('\n')}\n`, `${b.join('\n')}\n`)
          .split('\n')
          .slice(2);
        const [removed, added] = ['-', '+'].map((mark) => diff.filter((line) => line.startsWith(mark)).length);
        expect(a.length - (removed ?? 0)).toBe(b.length - (added ?? 0));
      }),
    );
  });
});
