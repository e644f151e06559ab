import { describe, expect, test } from 'vitest';
import { compareVersions, describeTakenPort, findPreflightIssues, parseProbe } from './probe.ts';
import { planNodeWork, planWaves } from './steps.ts';

const runtime = '1111111111111111';
const program = '2222222222222222';
const older = '3333333333333333';

/** What the probe prints on a Debian 12 node; `lines` come after and win. */
function probeOf(...lines: string[]) {
  return parseProbe(
    [
      'name=node3',
      'machine=x86_64',
      'uid=0',
      'glibc=glibc 2.36',
      'systemd=yes',
      ...['zstd', 'gzip', 'tar', 'sha256sum', 'base64', 'timeout', 'systemctl'].map((tool) => `tool=${tool}`),
      'free_tree_kb=1000000',
      'free_state_kb=1000000',
      'current=',
      ...lines,
    ].join('\n'),
  );
}
const running = [
  `file=126595440 /opt/meshd/runtime/${runtime}/node`,
  `file=900000 /opt/meshd/program/${program}/meshd.mjs`,
  `current=program/${program}`,
  'unit_hash=abc',
  'ActiveState=active',
  'UnitFileState=enabled',
  'MainPID=77',
  'running_pid=77',
];
const needs = { arch: 'x64', glibc: '2.28', treeBytes: 130_000_000, stateBytes: 16_000_000 };
const target = {
  runtimeHash: runtime,
  runtimeBytes: 126595440,
  programHash: program,
  programBytes: 900000,
  unitHash: 'abc',
};

describe('a probe', () => {
  test('of a fresh node', () => {
    const probe = probeOf();
    expect(probe).toMatchObject({ name: 'node3', isRoot: true, glibc: '2.36', hasSystemd: true, current: null });
    expect(probe.manualPid).toBeNull();
    expect(probe.identity).toEqual({ certificate: null, caCertificate: null, keyHash: null, holdsCa: false });
    expect(findPreflightIssues(probe, needs)).toEqual([]);
    expect(planNodeWork(probe, target, 'new')).toEqual({ runtime: true, program: true, service: 'start' });
  });

  test('tells who holds the mesh port, unless it is our own meshd', () => {
    expect(describeTakenPort(probeOf('port_holder='), 9000)).toBe('');
    expect(describeTakenPort(probeOf(...running, 'port_holder=77 node'), 9000)).toBe('');
    expect(describeTakenPort(probeOf(...running, 'port_holder=12 nginx'), 9000)).toBe(
      'port 9000 is taken by nginx (process 12): end that program, or choose another mesh port',
    );
    expect(describeTakenPort(probeOf('port_holder=0'), 9000)).toContain('port 9000 is taken: end');
  });

  test('of a node where all is right: nothing is left to do', () => {
    const probe = probeOf(...running);
    expect(probe.manualPid).toBeNull();
    expect(planNodeWork(probe, target, 'keep')).toEqual({ runtime: false, program: false, service: 'none' });
  });

  test('certificates come back as text', () => {
    expect(probeOf(`node_crt=${btoa('-----BEGIN')}`, 'key_hash=', 'holds_ca=yes').identity).toEqual({
      certificate: '-----BEGIN',
      caCertificate: null,
      keyHash: '',
      holdsCa: true,
    });
  });

  test('of a node with a meshd that someone started by hand', () => {
    expect(probeOf('running_pid=4711').manualPid).toBe(4711);
  });

  test.each([
    [['machine=aarch64'], 'its CPU is aarch64, the runtime here is for x86_64'],
    [['glibc=glibc 2.17'], 'its glibc is 2.17; the runtime needs 2.28 or newer'],
    [['glibc='], 'no glibc'],
    [['systemd=no'], 'systemd does not run there'],
    [['free_tree_kb=1000'], '1 MB free below /opt, 130 MB needed'],
    [['free_state_kb=1000'], '1 MB free for state, 16 MB needed'],
    [['name=bad_name'], 'hostname "bad_name"'],
  ])('%j stands in the way', (lines, issue) => {
    expect(findPreflightIssues(probeOf(...lines), needs).join()).toContain(issue);
  });

  test('versions compare by number, not by text', () => {
    expect(compareVersions('2.9', '2.28')).toBeLessThan(0);
    expect(compareVersions('2.28', '2.28')).toBe(0);
    expect(compareVersions('3', '2.28')).toBeGreaterThan(0);
  });
});

describe('what remains to be done', () => {
  test('a file that was cut short is sent again, and the service started again', () => {
    const probe = probeOf(...running, `file=4096 /opt/meshd/runtime/${runtime}/node`);
    expect(planNodeWork(probe, target, 'keep')).toEqual({ runtime: true, program: false, service: 'start' });
  });

  test('another program runs: an upgrade', () => {
    const probe = probeOf(...running, `current=program/${older}`);
    expect(planNodeWork(probe, target, 'keep').service).toBe('upgrade');
  });

  test('another program is there but does not run, or a new identity: a plain start', () => {
    const stopped = probeOf(...running, `current=program/${older}`, 'ActiveState=failed');
    expect(planNodeWork(stopped, target, 'keep').service).toBe('start');
    expect(planNodeWork(probeOf(...running), target, 'new').service).toBe('start');
  });

  test('other flags, or a service that would not come back: a start', () => {
    expect(planNodeWork(probeOf(...running, 'unit_hash=def'), target, 'keep').service).toBe('start');
    expect(planNodeWork(probeOf(...running, 'UnitFileState=disabled'), target, 'keep').service).toBe('start');
  });
});

describe('waves', () => {
  test('a canary, then twice as many each time', () => {
    const sizes = (count: number) => planWaves(Array.from({ length: count }, (_, at) => at)).map((wave) => wave.length);
    expect(sizes(0)).toEqual([]);
    expect(sizes(1)).toEqual([1]);
    expect(sizes(9)).toEqual([1, 2, 4, 2]);
    expect(planWaves(['a', 'b', 'c']).flat()).toEqual(['a', 'b', 'c']);
  });
});
