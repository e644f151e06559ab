// The shell of the transaction as another reader sees it, and its parsers on what ip(8) prints.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256Hex } from '../../hash.ts';
import { CommandError, localRunner } from '../../runner.ts';
import { partsOfRollback, partsOfScript, readParts } from './parts.ts';

test.each([
  ['the script', partsOfScript],
  ['the rollback', partsOfRollback],
])('shellcheck finds nothing in %s', async (_what, names) => {
  // Values that come with the plan or the snapshot, the quoted script of the timer, and files made on the node.
  const expected = '--exclude=SC2034,SC2153,SC2154,SC2016,SC1091,SC2015';
  const checked = localRunner.run(['shellcheck', '--shell=dash', expected, '-'], { stdin: await readParts(names) });
  await expect(
    checked.catch((error: unknown) => (error instanceof CommandError ? error.stdout : error)),
  ).resolves.toMatchObject({
    stdout: '',
  });
});

/** Runs one function of network.sh on a text. */
async function ask(call: string, input: string): Promise<string[]> {
  const { stdout } = await localRunner.run(['dash', '-c', `${await readParts(['network'])}\n${call}`], {
    stdin: input,
  });
  return stdout.split('\n').filter((line) => line !== '');
}

test('addresses are carried with their lifetimes, labels, peers and flags', async () => {
  const text = [
    String.raw`2: eth0    inet 10.0.0.5/24 brd 10.0.0.255 scope global dynamic eth0\       valid_lft 3590sec preferred_lft 1800sec`,
    String.raw`2: eth0    inet 10.0.0.6/24 metric 100 brd 10.0.0.255 scope global secondary eth0:1\       valid_lft forever preferred_lft forever`,
    String.raw`2: eth0    inet 10.9.0.1 peer 10.9.0.2/32 scope global eth0\       valid_lft forever preferred_lft forever`,
    String.raw`2: eth0    inet6 2001:db8::5/64 scope global temporary deprecated dynamic \       valid_lft 100sec preferred_lft 0sec`,
    String.raw`2: eth0    inet6 2001:db8::6/64 scope global dynamic mngtmpaddr noprefixroute proto kernel_ra \       valid_lft 86400sec preferred_lft 14400sec`,
    String.raw`2: eth0    inet6 fe80::1/64 scope link tentative \       valid_lft forever preferred_lft forever`,
  ].join('\n');
  expect(await ask('address_batch br0 90 nodad', text)).toEqual([
    'address replace 10.0.0.5/24 brd 10.0.0.255 scope global dev br0 valid_lft 3500 preferred_lft 1710',
    'address replace 10.0.0.6/24 metric 100 brd 10.0.0.255 scope global dev br0 label br0:1',
    'address replace 10.9.0.1 peer 10.9.0.2/32 scope global dev br0',
    // A client that comes back late has a minute to renew.
    'address replace 2001:db8::5/64 scope global dev br0 nodad valid_lft 60 preferred_lft 0',
    'address replace 2001:db8::6/64 mngtmpaddr noprefixroute scope global dev br0 nodad valid_lft 86310 preferred_lft 14310',
    'address replace fe80::1/64 scope link dev br0 nodad',
  ]);
});

test('routes are carried with table, metric and source, those without a gateway first', async () => {
  const text = [
    'default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.5 metric 100 ',
    'default via 10.7.0.1 dev eth1 metric 200 ',
    '10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.5 linkdown ',
    '192.0.2.0/24 via 10.0.0.2 dev eth0 table 100 mtu 1400 ',
    String.raw`198.51.100.0/24 proto static \	nexthop via 10.0.0.3 dev eth0 weight 1 \	nexthop via 10.0.0.4 dev eth0 weight 1 `,
    'local 10.0.0.5 dev eth0 table local proto kernel scope host src 10.0.0.5 ',
  ].join('\n');
  expect(await ask('route_batch eth0 br0 4', text)).toEqual([
    '-4 route replace 10.0.0.0/24 dev br0 proto kernel scope link src 10.0.0.5',
    '-4 route replace default via 10.0.0.1 dev br0 proto dhcp src 10.0.0.5 metric 100',
    '-4 route replace 192.0.2.0/24 via 10.0.0.2 dev br0 table 100 mtu 1400',
    '-4 route replace 198.51.100.0/24 proto static nexthop via 10.0.0.3 dev br0 weight 1 nexthop via 10.0.0.4 dev br0 weight 1',
  ]);
});

test('rules that name the interface get a twin, and lose it again', async () => {
  const text = '0:\tfrom all lookup local\n1000:\tfrom all iif eth0 lookup 100\n1001:\tfrom all oif eth01 lookup 101\n';
  expect(await ask('rule_batch eth0 br0 add 4', text)).toEqual(['-4 rule add pref 1000 from all iif br0 lookup 100']);
  expect(await ask('rule_batch eth0 br0 delete 6', text)).toEqual([
    '-6 rule delete pref 1000 from all iif br0 lookup 100',
  ]);
});

describe('the record of a commit', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meshdeck-record-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** What stands in the record after a commit that touched none of the files in it. */
  async function commit(kind: string, record: string): Promise<string[]> {
    await writeFile(join(folder, 'committed'), record);
    const values = `base='${folder}' live='${folder}' here='${folder}' KIND=${kind} ID=r2-1 BRIDGE=br0 UPLINK=eth0 FILES=0`;
    const script = `${await readParts(['files', 'finish'])}\nput() { cat >"$1"; }\n${values}\nwrite_record`;
    await localRunner.run(['dash', '-c', script]);
    const text = await readFile(join(folder, 'committed'), 'utf8');
    return text.split('\n').filter((line) => /^(file|original)=/.test(line));
  }

  test('takes files that it did not touch as they are, where it is made to be right again', async () => {
    const edited = join(folder, 'interfaces');
    const same = join(folder, 'unit');
    await writeFile(edited, 'with the words of somebody');
    await writeFile(same, 'as it was');
    const kept = [`file=${sha256Hex('as it was')} ${same}`, `original=none ${same}`];
    const record = [
      'made=yes',
      `file=${'0'.repeat(64)} ${edited}`,
      `original=r1-1/snapshot/original-1 ${edited}`,
      ...kept,
    ];
    // Its first content lacks those words: it is no longer what a removal puts back.
    const after = [`file=${sha256Hex('with the words of somebody')} ${edited}`, ...kept];
    expect(await commit('persist', record.join('\n'))).toEqual(after);
    expect(await commit('persist', ['made=yes', ...after].join('\n'))).toEqual(after);
    expect(await commit('ensure', record.join('\n'))).toEqual(record.slice(1));
  });
});
