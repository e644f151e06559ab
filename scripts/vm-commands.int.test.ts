// The `vm` commands of three real meshds over their command sockets and their mesh; QEMU, Open vSwitch and the machines are in memory.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { statePathOf } from '../core/flags.ts';
import { kernel } from '../host/images/made-images.ts';
import { LocalDaemons } from './local-daemons.ts';

let daemons: LocalDaemons;

beforeAll(async () => {
  daemons = await LocalDaemons.start(3, 17_560);
  // Of all nodes, n1 alone has the kernel.
  await mkdir(filesOf(1), { recursive: true });
  await writeFile(join(filesOf(1), 'vmlinuz'), kernel());
  // By default a launch looks at processors, of which these machines have different numbers.
  expect(await said('namespace exp ns load netcommit')).toEqual(['n0: ']);
});
afterAll(() => daemons.remove());

/** Each has its own folder. */
function filesOf(index: number): string {
  return join(statePathOf(daemons.identities.nodes[index]?.base ?? ''), 'files');
}

const run = (line: string) => daemons.entries(0, line);

/** Each entry as `host: error or text or rows`, by host. */
async function said(line: string): Promise<string[]> {
  const entries = await run(line);
  return entries
    .map(({ Host, Error: error, Response, Tabular }) => {
      const rows = Tabular?.map((row) => row.join(' ')).join('; ') ?? '';
      return `${Host}: ${[error, Response, rows].filter((text) => text !== '').join(' | ')}`;
    })
    .sort();
}

test('a launch plans over the mesh, fetches what hosts lack, and its VMs run on both', async () => {
  for (const line of ['vm config memory 64', 'vm config kernel vmlinuz', 'vm config net lan dmz']) {
    expect(await said(`namespace exp ${line}`)).toEqual(['n0: ']);
  }
  const dryRun = await said('namespace exp vm launch kvm a[1-4] dry-run');
  expect(dryRun).toEqual(
    [
      'n0: a1 n1; a2 n2; a3 n1; a4 n2',
      'n0: a kernel without an initrd or a disk: the guest stops, unless its kernel has an initrd inside',
      'n0: dmz; lan',
      `n0: vmlinuz n2 ${kernel().length}`,
    ].sort(),
  );
  expect(await said('namespace exp vlans')).toEqual(['n0: ']);

  expect(await said('namespace exp vm launch kvm a[1-4]')).toEqual([
    'n0: a kernel without an initrd or a disk: the guest stops, unless its kernel has an initrd inside\nn2: fetched vmlinuz',
  ]);
  expect(await said('namespace exp vm start all')).toEqual(['n1: ', 'n2: ']);
  expect(await said('namespace exp .columns name,state vm info')).toEqual([
    'n1: a1 RUNNING; a3 RUNNING',
    'n2: a2 RUNNING; a4 RUNNING',
  ]);
  const [row] = (await run('namespace exp .columns vlan,kernel .filter name=a2 vm info')).flatMap(
    ({ Tabular }) => Tabular ?? [],
  );
  expect(row?.[0]).toMatch(/^\[lan \(\d+\), dmz \(\d+\)\]$/);
  expect(row?.[1]).toBe(join(filesOf(2), 'vmlinuz'));
});

test('names stay taken across the namespace, and a clone has no MAC address of its model', async () => {
  expect(await said('namespace exp vm launch kvm a4')).toEqual(['n0: vm already exists with name `a4`']);
  expect(await said('namespace exp clear vm config')).toEqual(['n0: ']);
  expect(await said('namespace exp vm config clone a2')).toEqual(['n0: ']);
  expect(await said('namespace exp vm config net')).toEqual(['n0: [lan dmz]']);
  expect(await said('namespace exp vm config kernel')).toEqual([`n0: ${join(filesOf(0), 'vmlinuz')}`]);
});

test('actions reach the host that has the VM, and say so when none has it', async () => {
  expect(await said('namespace exp vm tag a2 role db')).toEqual(['n2: ']);
  expect(await said('namespace exp vm tag all role')).toEqual(['n1: a1 ; a3 ', 'n2: a2 db; a4 ']);
  expect(await said('namespace exp vm net connect a2 0 other')).toEqual(['n2: ']);
  expect(await said('namespace exp vm stop nope')).toEqual(['n0: vm not found: nope']);
  const [shot] = await run('namespace exp vm screenshot a1');
  expect(
    Buffer.from(shot?.Data as string, 'base64')
      .subarray(1, 4)
      .toString(),
  ).toBe('PNG');
  expect(await said(`namespace exp vm qmp a1 '{"execute":"query-status"}'`)).toEqual([
    expect.stringContaining('"running":true') as string,
  ]);
});

test('a member does not make another node launch', async () => {
  const line = 'mesh send n1 vm launch kvm x';
  expect(await said(line)).toEqual([expect.stringContaining('cannot run `vm launch kvm x` via meshage') as string]);
});

test('VMs of a node that left are LOST, keep their names, and come back as they were', async () => {
  await daemons.stop(2);
  await vi.waitFor(
    async () =>
      expect(await said('namespace exp .columns name,state,reason vm info')).toEqual([
        'n1: a1 RUNNING ; a3 RUNNING ',
        'n2: a2 LOST n2 does not answer; a4 LOST n2 does not answer',
      ]),
    { timeout: 60_000 },
  );
  const [refusal] = await run('namespace exp vm launch kvm a2');
  expect(refusal?.Error).toBe('vm already exists with name `a2` on n2, which does not answer');
  const [launched] = await run('namespace exp vm launch kvm b');
  expect(launched?.Error).toBe('');
  expect(launched?.Response).toContain('n2 gets no VM');
  await daemons.start(2);
  await vi.waitFor(
    async () =>
      expect((await said('namespace exp .columns name,state vm info'))[1]).toMatch(
        /^n2: a2 (?!LOST)\w+; a4 (?!LOST)\w+$/,
      ),
    { timeout: 60_000 },
  );
});

test('kill and flush leave nothing', async () => {
  expect(await said('namespace exp vm kill all')).toEqual(['n1: ', 'n2: ']);
  expect(await said('namespace exp vm flush')).toEqual(['n1: ', 'n2: ']);
  expect(await said('namespace exp vm info summary')).toEqual(['n1: ', 'n2: ']);
});

test('a namespace that is cleared takes its VMs and what was typed for the next ones with it', async () => {
  expect(await said('namespace exp vm launch kvm c[1-2]')).toHaveLength(1);
  expect(await said('namespace exp vm start all')).toEqual(['n1: ', 'n2: ']);
  expect(await said('clear namespace exp')).toEqual(['n0: ', 'n1: ', 'n2: ']);
  expect(await said('namespace exp vm info summary')).toEqual(['n1: ', 'n2: ']);
  expect(await said('namespace exp vm config kernel')).toEqual(['n0: ']);
});
