// Planners are pure: what was typed and seen, and the plan that follows.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Plan } from '../../../contract/plans.ts';
import { AddNodesForm, planAddNodes } from './add-nodes.ts';
import type { NodeSighting } from './add-nodes.ts';
import { adviseOnDegree, DeployForm, planDeploy } from './deploy.ts';
import type { DeployNodeSighting } from './deploy.ts';
import { climbLadder, parseLadder } from './ladder.ts';
import type { LadderEnd } from './ladder.ts';
import { planReplaceNode } from './manage-nodes.ts';
import { planRemoveNodes } from './remove-nodes.ts';
import type { LeftCluster } from './remove-nodes.ts';
import { forAllNodes, passphraseName, userOf } from '../secret-names.ts';
import { judgePreflight, missingPackages, nodePackages, parsePreflight } from './preflight.ts';
import { findPlanIssue } from '../schedule.ts';
import { describeRange } from '../../ranges/describe-range.ts';
import { adviseOnNames, parseNodeList } from '../targets.ts';

const context = { id: 'p1', nowMs: 1_000 };
const sighting = (name: string, parts: Partial<NodeSighting> = {}): NodeSighting => ({
  name,
  address: name,
  keys: [{ line: `ssh-ed25519 AAAA${name}`, type: 'ssh-ed25519', fingerprint: `SHA256:${name}` }],
  pin: 'unknown',
  pinned: [],
  isKeyProved: false,
  ownKey: null,
  error: '',
  ...parts,
});
const names = (text: string) => {
  const list = parseNodeList(text);
  return list.ok
    ? list.nodes.map(({ name, address }) => (name === address ? name : `${name}=${address}`))
    : list.message;
};

describe('a list of nodes', () => {
  test('takes ranges, addresses, name=address and blocks, each once', () => {
    expect(names('node[1-3], 10.0.0.9\nstore=10.0.0.7 # the store\nnode2')).toEqual([
      'node1',
      'node2',
      'node3',
      '10.0.0.9',
      'store=10.0.0.7',
    ]);
    expect(names('10.0.0.0/30')).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(names('fd00::1')).toEqual(['fd00::1']);
    // What the message about blocks offers.
    expect(names('10.0.0.0/22')).toHaveLength(1_022);
    expect(names('node[1-1000] 10.0.0.0/22')).toHaveLength(2_022);
  });

  test.each([
    ['', 'no nodes'],
    ['node[1-5000]', 'more than 1000 nodes'],
    ['<script>alert(1)</script>', 'is not a host name'],
    ['$(reboot)', 'is not a host name'],
    ['node1;reboot', 'is not a host name'],
    ['-oProxyCommand=x', 'is not a host name'],
    ['10.0.0.0/8', 'scan blocks of /22 or smaller'],
    ['10.0.0.0/21', 'scan blocks of /22 or smaller'],
    ['10.0.0.0/22 10.0.4.0/24', 'more than 1024 addresses in blocks'],
    ['a=b=c', 'one = between'],
    ['node[3-1]', 'backwards'],
    ['node[01-3]', 'write `node[01-03]`'],
    ['10.0.0.10-20', 'write `10.0.0.[10-20]`'],
    ['rack[1-2]-node[1-3]', 'write `rack1-node[1-3],rack2-node[1-3]`'],
    ['[2001:db8::5]:70000', 'without a port here'],
    ['[node1]:22', 'is not a number'],
    ['999.1.1.1', 'is not a host name'],
  ])('%s is refused with a reason', (text, reason) => {
    expect(names(text)).toContain(reason);
  });

  test('of any form is split in one pass, brackets as they are', () => {
    expect(names('a[1, 2],b')).toContain('no spaces inside a name or a bracket');
    expect(names('a[1,2')).toContain("unterminated '['");
    expect(names('a,b]')).toContain("unmatched ']'");
    const longest = Array.from({ length: 50_000 }, () => 'n1').join(', ');
    expect(names(longest)).toEqual(['n1']);
    expect(names(`${'a '.repeat(99_999)}[`)).toContain("unterminated '['");
  });

  test('takes IPv6 addresses in brackets, alone or with a port', () => {
    const ports = (text: string) => {
      const list = parseNodeList(text);
      return list.ok ? list.nodes.map(({ name, address, port }) => `${name} ${address} ${port ?? '-'}`) : list.message;
    };
    expect(ports('[2001:db8::5], [fe80::1%eth0]')).toEqual([
      '2001:db8::5 2001:db8::5 -',
      'fe80::1%eth0 fe80::1%eth0 -',
    ]);
    expect(ports('[2001:db8::5]:2222 a=[::1]:22 b=[::2] c=10.0.0.1')).toEqual([
      '2001:db8::5 2001:db8::5 2222',
      'a ::1 22',
      'b ::2 -',
      'c 10.0.0.1 -',
    ]);
    expect(ports('2001:db8::[5-6]')).toEqual(['2001:db8::5 2001:db8::5 -', '2001:db8::6 2001:db8::6 -']);
  });

  test('reads every range that is printed of its nodes back as the same nodes: names, IPv4, IPv6, mixed', () => {
    const digits = fc.stringMatching(/^[0-2]{1,3}$/);
    const name = fc.oneof(
      fc
        .tuple(fc.constantFrom('node', 'n', 'rack1-n'), digits, fc.constantFrom('', '.example.com', 'b'))
        .map((parts) => parts.join('')),
      fc.tuple(digits, digits).map(([a, b]) => `n${a}c${b}`),
      fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 30 })).map(([a, b]) => `10.0.${a}.${b}`),
      fc
        .tuple(fc.constantFrom('2001:db8::', 'fe80::a:', 'fd00::1:'), fc.stringMatching(/^[0-2a]{1,3}$/))
        .map((p) => p.join('')),
    );
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 50 }), (list) => {
        const printed = describeRange(list);
        const read = names(printed);
        expect(Array.isArray(read) ? read.sort() : read, printed).toEqual([...list].sort());
      }),
      { numRuns: 1_000 },
    );
    const two = ['1', '2', '3', '4'].flatMap((n) =>
      ['01', '02', '03', '04', '05', '06', '07', '08', '09'].map((c) => `n${n}c${c}`),
    );
    expect([...(names(describeRange(two)) as string[])].sort()).toEqual(two.sort());
    expect(names(describeRange(['x007', 'x008', 'x01', 'x02', 'a1.example.com', 'a01.example.com']))).toHaveLength(6);
  });

  test('advice on names', () => {
    expect(adviseOnNames(['node1', 'node2'])).toBeNull();
    expect(adviseOnNames(['mercury', 'venus'])).toContain('one prefix and a number');
  });
});

describe('a private key as the way in', () => {
  test('is asked for by its name, and stands in the command as a file', () => {
    const form = AddNodesForm.parse({ nodes: 'node1', user: 'ann', login: 'key' });
    const plan = planAddNodes(form, { publicKey: 'k', keyId: 'c', sightings: [sighting('node1')] }, context);
    expect(plan.secrets).toEqual([{ name: 'key:ann@node1', label: 'Private key of ann on node1', node: 'node1' }]);
    expect(plan.command).toBe('meshdeck nodes add node1 --user ann --identity <file>');
    expect(forAllNodes('key:ann@node1')).toBe('key:ann');
    expect(passphraseName('key:ann@node1')).toBe('passphrase:ann@node1');
    expect(userOf('key:ann@node1')).toBe('ann');
  });
});

describe('adding nodes', () => {
  const form = AddNodesForm.parse({ nodes: 'node[1-2]', user: 'debian', disablePasswords: true, install: true });
  const facts = { publicKey: 'ssh-ed25519 KEY meshdeck@c', keyId: 'console' };
  const plan = planAddNodes(form, { ...facts, sightings: [sighting('node1'), sighting('node2')] }, context);

  test('the plan is whole, can run, and says what it asks for', () => {
    expect(Plan.parse(plan)).toEqual(plan);
    expect(findPlanIssue(plan)).toBeNull();
    expect(plan.steps.filter((step) => step.node === 'node1').map((step) => step.key)).toEqual([
      'pinHostKey node1',
      'ensureKey node1',
      'proveKeyLogin node1',
      'observePreflight node1',
      'ensurePackages node1',
      'ensurePasswordLoginOff node1',
    ]);
    expect(plan.secrets.map(({ name }) => name)).toEqual(['password:debian@node1', 'password:debian@node2']);
    expect(plan.command).toBe("meshdeck nodes add 'node[1-2]' --user debian --install --disable-passwords");
    expect(plan.steps[0]?.preview[0]?.text).toBe('ssh-ed25519 SHA256:node1');
  });

  test('the command names all nodes that were pasted, and comments of none', () => {
    const commandOf = (nodes: string) =>
      planAddNodes(AddNodesForm.parse({ nodes }), { ...facts, sightings: [sighting('node1')] }, context).command;
    const pasted = 'node1 # first rack\r\nnode2\n\n# n5\nnode[3,4]=\n 10.0.0.0/30';
    expect(commandOf(pasted)).toBe("meshdeck nodes add 'node1,node2,node[3,4]=,10.0.0.0/30'");
    const many = Array.from({ length: 1_000 }, (_, at) => `node${at}.rack.example.org`);
    expect(commandOf(many.join('\n'))).toBe(`meshdeck nodes add ${many.join(',')}`);
    expect(commandOf('x'.repeat(100_001))).toMatch(/^# too many nodes/);
  });

  test('equal host keys, changed ones and silent machines are said', () => {
    const clone = { keys: sighting('node1').keys };
    const warned = planAddNodes(
      form,
      {
        ...facts,
        sightings: [
          sighting('node1'),
          sighting('node2', clone),
          sighting('node3', { pin: 'changed', pinned: ['ssh-ed25519 SHA256:old'] }),
          sighting('node4', { keys: [], error: 'node4: no answer' }),
        ],
      },
      context,
    ).warnings;
    expect(warned[0]).toMatch(
      /host key of node3 has changed: pinned is ssh-ed25519 SHA256:old, it shows .*SHA256:node3/,
    );
    expect(warned[1]).toContain('node1, node2 show the same host key');
    expect(warned[2]).toBe('node4: no answer');
  });

  test('a node whose key is proved asks for no password', () => {
    const known = planAddNodes(
      form,
      { ...facts, sightings: [sighting('node1', { isKeyProved: true, pin: 'pinned' })] },
      context,
    );
    expect(known.secrets).toEqual([]);
    expect(known.steps.filter((step) => step.isDone).map((step) => step.key)).toContain('ensureKey node1');
  });

  test.each([{ user: 'a b' }, { user: '-x' }, { user: '$(id)' }, { port: 0 }, { port: 'x' }])(
    '%o is refused',
    (part) => {
      expect(AddNodesForm.safeParse({ nodes: 'node1', ...part }).success).toBe(false);
    },
  );
});

describe('deploying', () => {
  const seen = (name: string, parts: Partial<DeployNodeSighting> = {}): DeployNodeSighting => ({
    target: { name, address: name, port: 22, user: 'root' },
    addresses: [name],
    program: 'none',
    hasRuntime: false,
    isRunning: false,
    hasIdentity: false,
    isRegistered: false,
    error: '',
    ...parts,
  });
  const form = DeployForm.parse({ head: 'node1', nodes: 'node[1-3]', context: 'john' });
  const facts = {
    head: seen('node1'),
    others: [seen('node2'), seen('node3', { program: 'other' })],
    version: '',
    programHash: 'h',
    sendBytes: 42e6,
  };

  test('the head first, then each node through the head', () => {
    const plan = planDeploy(form, facts, context);
    expect(Plan.parse(plan)).toEqual(plan);
    expect(findPlanIssue(plan)).toBeNull();
    expect(plan.command).toBe("meshdeck deploy 'node[1-3]' --head node1 --context john --degree 3");
    expect(plan.steps.find((step) => step.key === 'ensureMeshd node2')?.needs).toEqual([
      'ensureHeadAccess node2',
      'ensureHeadPins node1',
      'registerCluster node1',
    ]);
    expect(plan.steps.find((step) => step.key === 'ensureMeshd node3')?.title).toBe('Upgrade meshd');
  });

  test('a check that fails is in the plan, before the run', () => {
    const failures = ['node2: its check fails: the clock is 300 s ahead'];
    expect(planDeploy(form, { ...facts, others: [seen('node2', { failures })] }, context).warnings).toContain(
      failures[0],
    );
  });

  test('over a cluster, undo takes meshd from newcomers only: a head or node that was there keeps its identity', () => {
    const there = { program: 'other', isRunning: true, hasIdentity: true, isRegistered: true } as const;
    const undoOf = (plan: Plan) =>
      Object.fromEntries(plan.steps.map(({ key, undo }) => [key, undo === null ? null : undo.action]));
    const plan = planDeploy(
      form,
      {
        ...facts,
        head: seen('node1', there),
        others: [
          seen('node2', there),
          // Its program is gone, its identity is not.
          seen('node3', { hasIdentity: true }),
          // Not reached: nobody knows what is there.
          seen('node4', { program: 'unknown', error: 'node4: no answer' }),
          seen('node5'),
        ],
      },
      context,
    );
    expect(undoOf(plan)).toMatchObject({
      'ensureHeadService node1': null,
      'registerCluster node1': null,
      'ensureMeshd node2': null,
      'ensureMeshd node3': null,
      'ensureMeshd node4': null,
      'ensureMeshd node5': 'removeMeshd',
    });
    expect(undoOf(planDeploy(form, facts, context))).toMatchObject({
      'ensureHeadService node1': 'removeMeshd',
      'registerCluster node1': 'unregisterCluster',
    });
    // Attaching a second console to a cluster that runs is taken back by letting go of it.
    const foreign = planDeploy(form, { ...facts, head: seen('node1', { ...there, isRegistered: false }) }, context);
    expect(undoOf(foreign)).toMatchObject({
      'ensureHeadService node1': null,
      'registerCluster node1': 'unregisterCluster',
    });
  });

  test('a head alone', () => {
    const plan = planDeploy(form, { ...facts, others: [] }, context);
    expect(plan.steps.map((step) => step.key)).toEqual([
      'ensureTree node1',
      'ensureHeadService node1',
      'registerCluster node1',
    ]);
  });

  test('what a degree means', () => {
    expect(adviseOnDegree(3, 10)).toEqual([]);
    expect(adviseOnDegree(1, 10)[0]).toContain('tree');
    expect(adviseOnDegree(20, 100)[0]).toContain('20 links');
  });
});

describe('removing nodes', () => {
  const target = (name: string) => ({ name, address: name, port: 22, user: 'root' });
  const head = { target: target('node1'), isReachable: true };
  const plan = (
    cluster: LeftCluster | null,
    nodes: Record<string, string>,
    vmsOf: Record<string, readonly string[]> = {},
  ) => {
    const leaving = Object.entries(nodes).map(([name, error]) => {
      return { target: target(name), cluster, error, vms: vmsOf[name] ?? [] };
    });
    const form = { nodes: Object.keys(nodes).join(','), confirm: Object.keys(nodes).join(',') };
    const made = planRemoveNodes(form, { nodes: leaving, publicKeys: ['ssh-ed25519 K'] }, context);
    expect(findPlanIssue(made)).toBeNull();
    return made;
  };
  const keys = ({ steps }: Plan) => steps.map((step) => step.key);

  test('one that is off is shut out and forgotten, and what stays on its disk is said', () => {
    const john = { context: 'john', head, isWhole: false };
    const off = plan(john, { node3: 'no answer' });
    expect(keys(off)).toEqual(['revokeMember node3', 'forgetHost node3']);
    expect(off.warnings).toEqual([expect.stringContaining('/opt/meshd, /var/lib/meshd')]);
    expect(keys(plan(john, { node3: '' }))).toEqual([
      'revokeMember node3',
      'removeMeshd node3',
      'removeKeys node3',
      'forgetHost node3',
    ]);
  });

  test('VMs of a node that leaves are named and ended first, before it is shut out', () => {
    const many = Array.from({ length: 12 }, (_, index) => `web${index}`);
    const made = plan(
      { context: 'john', head, isWhole: false },
      { node2: '', node3: '' },
      { node2: ['a'], node3: many },
    );
    expect(keys(made).filter((key) => !/removeKeys|forgetHost/.test(key))).toEqual([
      'endVms node2',
      'revokeMember node2',
      'removeMeshd node2',
      'endVms node3',
      'revokeMember node3',
      'removeMeshd node3',
    ]);
    expect(made.steps.find(({ key }) => key === 'revokeMember node3')?.needs).toEqual(['endVms node3']);
    expect(made.steps[0]?.title).toBe('End its VM');
    expect(made.warnings).toEqual([
      'A VM runs on node2: a. This ends them, and what they wrote to their disks is lost.',
      expect.stringMatching(/^12 VMs run on node3: web0, .*, web9 and 2 more\. This ends them/),
    ]);
    // A whole cluster: those of the head end with it, last.
    const whole = plan({ context: 'john', head, isWhole: true }, { node1: '', node2: '' }, { node1: ['a'] });
    expect(keys(whole).slice(3, 6)).toEqual(['endVms node1', 'unregisterCluster node1', 'removeMeshd node1']);
    expect(whole.steps[3]?.needs).toEqual(['forgetHost node2']);
  });

  test('a whole cluster goes head last, with what the console knows of it', () => {
    const made = plan({ context: 'john', head, isWhole: true }, { node1: '', node2: '', node3: 'no answer' });
    expect(made.title).toBe('Remove node[1-3] and the cluster john');
    expect(keys(made)).toEqual([
      'removeMeshd node2',
      'removeKeys node2',
      'forgetHost node2',
      'forgetHost node3',
      'unregisterCluster node1',
      'removeMeshd node1',
      'removeKeys node1',
      'forgetHost node1',
    ]);
    expect(made.steps[4]?.needs).toEqual(['forgetHost node2', 'forgetHost node3']);
    expect(made.warnings[0]).toContain('The cluster john ends, and its CA goes with node1');
  });

  test('a head that is permanently dead holds up nobody, alone or with its cluster', () => {
    const lost = { target: target('node1'), isReachable: false };
    const whole = plan({ context: 'john', head: lost, isWhole: true }, { node1: 'no answer', node2: '' });
    expect(keys(whole).slice(-2)).toEqual(['unregisterCluster node1', 'forgetHost node1']);
    expect(whole.steps.find(({ key }) => key === 'removeKeys node2')?.do.args['head']).toBeNull();
    expect(whole.warnings.join()).toContain('its key stays in /root/.ssh/authorized_keys of the others');
    expect(keys(plan({ context: 'john', head: lost, isWhole: true }, { node1: 'no answer' }))).toEqual([
      'unregisterCluster node1',
      'forgetHost node1',
    ]);
  });

  test('the last nodes of a cluster without a head, and those of none', () => {
    expect(keys(plan({ context: 'john', head: null, isWhole: true }, { node2: 'x', node3: 'x' }))).toEqual([
      'forgetHost node2',
      'unregisterCluster node3',
      'forgetHost node3',
    ]);
    expect(keys(plan(null, { node4: '' }))).toEqual(['removeMeshd node4', 'removeKeys node4', 'forgetHost node4']);
  });
});

test('undo of a replacement gives the console back what it knew of the machine before', () => {
  const was = {
    pins: ['ssh-ed25519 OLD'],
    addresses: ['node3'],
    port: 22,
    user: 'root',
    needsSudo: false,
    keyId: 'k1',
  };
  const plan = planReplaceNode(
    { node: 'node3', confirm: 'node3', user: 'root', port: 22, login: 'password' },
    {
      sighting: sighting('node3', { pin: 'changed', pinned: ['ssh-ed25519 SHA256:old'] }),
      publicKey: 'k',
      keyId: 'c',
      was,
    },
    context,
  );
  const pin = plan.steps.find(({ key }) => key === 'pinHostKey node3');
  expect(pin?.undo).toMatchObject({ action: 'restoreHost', args: { was } });
});

describe('preflight', () => {
  const text = (parts: Record<string, string>) =>
    Object.entries({
      name: 'node1',
      os: 'Debian GNU/Linux 12 (bookworm)',
      kernel: '6.1.0',
      epoch: '100',
      cpus: '4',
      memory_kb: '8000000',
      disk_state_kb: '9000000',
      disk_tree_kb: '9000000',
      systemd: 'yes',
      qemu: 'QEMU emulator version 7.2',
      kvm: 'works',
      kvm_device: 'yes',
      ovs: 'ovs-vsctl 3.1',
      ovs_running: 'yes',
      dnsmasq: 'yes',
      tcpdump: 'yes',
      datapath: 'kernel',
      nic: 'eth0',
      nic_owner: 'ifupdown',
      ...parts,
    })
      .map(([key, value]) => `${key}=${value}`)
      .join('\n');
  const bad = (parts: Record<string, string>) =>
    judgePreflight(parsePreflight(text(parts)), { askedAtMs: 100_000, meshPort: 9000 }).filter(
      ({ level }) => level !== 'ok',
    );

  test('a machine that has all is all right', () => {
    expect(bad({})).toEqual([]);
  });
  test.each<[string, Record<string, string>, string]>([
    ['kvm', { kvm: 'ioctl(KVM_CREATE_VM) failed' }, 'starts no guest'],
    ['ovs', { ovs_running: '' }, 'does not answer'],
    ['dnsmasq', { dnsmasq: '' }, 'dnsmasq is missing'],
    ['tcpdump', { tcpdump: '' }, 'tcpdump is missing'],
    ['clock', { epoch: '400' }, '300 s ahead of'],
    ['disk', { disk_state_kb: '1000' }, '1 MB free'],
    ['port', { port_busy: 'yes', port_user: 'nginx' }, 'taken by nginx'],
    ['nic', { nic_owner: 'NetworkManager' }, 'NetworkManager'],
    ['nic', { nic: '' }, 'is unknown'],
    ['names', { unresolved: 'node7' }, 'does not resolve node7'],
    ['sessions', { max_sessions: '1' }, 'allows 1 at once'],
    ['sessions', { max_sessions: '0' }, 'allows no session'],
  ])('%s', (id, parts, said) => {
    const findings = bad(parts);
    expect(findings.map((finding) => finding.id)).toEqual([id]);
    expect(findings[0]?.text).toContain(said);
  });
  test('the advice for a machine that runs minimega is the console for it', () => {
    expect(bad({ port_busy: 'yes', port_user: 'minimega' })[0]?.mend).toMatch(/^attach the console to that minimega/);
  });
  test('packages that apt can install are separated from the other faults', () => {
    expect(missingPackages(bad({ qemu: '', ovs: '', dnsmasq: '', tcpdump: '', epoch: '400' }))).toEqual(nodePackages);
    expect(missingPackages(bad({ dnsmasq: '' }))).toEqual(['dnsmasq-base']);
    expect(missingPackages(bad({ ovs_running: '', epoch: '400', memory_kb: '500000' }))).toEqual([]);
  });
});

describe('the ladder', () => {
  const fine: LadderEnd = {
    ...parseLadder(
      'epoch=100\nactive=active\nrestarts=0\ncommand=/opt/meshd/bin/meshd -headnode=a -context=john\nprogram=program/1\ncertificate=yes\nanswers=yes\nreaches=x',
    ),
  };
  const climb = (onNode: LadderEnd | string, onHead: LadderEnd | string = fine) =>
    climbLadder({ node: 'b', head: 'a', meshPort: 9000, context: 'john', onNode, onHead }).map(({ rung }) => rung);
  test('names the rungs that are broken, the lowest first', () => {
    expect(climb(fine)).toEqual([]);
    expect(climb('refused')).toEqual(['ssh']);
    expect(climb({ ...fine, activeState: 'failed' })).toEqual(['process']);
    expect(climb({ ...fine, context: 'other' })).toEqual(['context']);
    expect(climb({ ...fine, reaches: [], unresolved: ['a'] }, { ...fine, reaches: [] })).toEqual(['names', 'port']);
    expect(climb({ ...fine, program: 'program/2' })).toEqual(['version']);
  });
});
