import { expect, test } from 'vitest';
import { defaultBridgeTimes } from '../../core/plans/bridge/plan/times.ts';
import type { BridgeTransaction } from '../../core/plans/bridge/plan/transaction.ts';
import { CommandError, localRunner } from '../runner.ts';
import type { RunOptions } from '../runner.ts';
import { describePlan, openTransaction, placeTransaction } from './node-transaction.ts';

const transaction: BridgeTransaction = {
  id: 'r1-1',
  kind: 'ensure',
  holder: "ada's $(id) `id`\nsecond line",
  bridge: 'mega_bridge',
  uplink: 'eth0',
  mac: '02:00:00:00:00:01',
  mtu: 1500,
  datapath: 'system',
  owner: 'ifupdown',
  method: 'ifupdown',
  dhcp: 'none',
  dhcpClientId: '',
  files: [{ path: "/etc/a b'c", content: 'x\n', mode: '644', oldSha256: null }],
  enable: ['a.service'],
  disable: [],
  addresses: ['10.0.0.5/24', 'fd00::5/64'],
  checks: ['carrier', 'ovs'],
  leave: ['10.0.0.250/32'],
  nonceSha256: 'a'.repeat(64),
  isHeld: false,
  times: defaultBridgeTimes,
};

/** What the shell reads of the plan. */
async function readBack(changed: Partial<BridgeTransaction>, name: string): Promise<string> {
  const script = `${describePlan({ ...transaction, ...changed })}printf '%s' "$${name}"`;
  return (await localRunner.run(['sh', '-c', script])).stdout;
}

test('values reach the shell as they are', async () => {
  expect(await readBack({}, 'HOLDER')).toBe("ada's $(id) `id` second line");
  expect(await readBack({}, 'ADDRESSES')).toBe('10.0.0.5/24 fd00::5/64');
  expect(await readBack({}, 'FILE_1_PATH')).toBe("/etc/a b'c");
  expect(await readBack({ dhcpClientId: '' }, 'DHCP_CLIENT_ID')).toBe('');
});

test.each<[string, Partial<BridgeTransaction>]>([
  ['id', { id: '../x' }],
  ['bridge', { bridge: 'a-name-of-16-char' }],
  ['uplink', { uplink: 'eth0;id' }],
  ['address', { addresses: ['$(id)'] }],
  ['unit', { enable: ['a b'] }],
  ['path', { files: [{ path: '/etc/a\nb', content: null, mode: '644', oldSha256: null }] }],
  ['SETTLE', { times: { ...defaultBridgeTimes, settle: 0.5 } }],
])('an impossible %s is refused before anything is sent', async (what, changed) => {
  const host = { run: () => Promise.reject(new Error('sent')) };
  await expect(placeTransaction(host, { ...transaction, ...changed })).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringContaining(what) as string,
  });
});

test('the nonce is sent on standard input, and exit codes become errors', async () => {
  const calls: { argv: readonly string[]; options: RunOptions | undefined }[] = [];
  const host = {
    run: (argv: readonly string[], options?: RunOptions) => {
      calls.push({ argv, options });
      return Promise.reject(new CommandError('node1', argv, { exitCode: 4, stdout: '', stderr: 'held by ada\n' }));
    },
  };
  await expect(openTransaction(host, 'r1-1').keep('secret')).rejects.toMatchObject({
    code: 'conflict',
    message: 'held by ada',
  });
  expect(calls[0]?.argv.slice(-2)).toEqual(['/var/lib/meshd/bridge/r1-1/tx', 'keep']);
  expect(calls[0]?.options?.stdin).toBe('secret\n');
});

test('a transaction that is not there is known by an exit code, not by what a shell says', async () => {
  await expect(openTransaction(localRunner, 'r0-never').readStatus()).rejects.toMatchObject({
    code: 'not-found',
    message: 'there is no transaction r0-never here',
  });
  const host = {
    run: (argv: readonly string[]) =>
      Promise.reject(
        new CommandError('node1', argv, { exitCode: 1, stdout: '', stderr: 'mega_bridge: commande not found\n' }),
      ),
  };
  await expect(openTransaction(host, 'r1-1').readStatus()).rejects.toMatchObject({ code: 'failed' });
});
