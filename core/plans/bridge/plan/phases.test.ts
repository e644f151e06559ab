// One list of phases for the script, the journal and the preview.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describePhases } from './phases.ts';
import { PlannedTransaction } from './step-args.ts';
import { defaultBridgeTimes } from './times.ts';
import { phaseIds } from './transaction.ts';

const script = ['drive', 'change', 'decide', 'hand-over']
  .map((name) => readFileSync(new URL(`../../../../host/scripts/bridge/${name}.sh`, import.meta.url), 'utf8'))
  .join('\n');
const bodyOf = (name: string) => new RegExp(`^${name}\\(\\) \\{\\n([\\s\\S]*?)^\\}`, 'm').exec(script)?.[1] ?? '';
const phasesIn = (text: string) => [...text.matchAll(/(?:^|\s)phase ([\w-]+)$/gm)].map((match) => match[1]);

test('the script goes through the phases of the list, in its order, and through no other', () => {
  const drive = bodyOf('drive').replace(/^.*\bapply \|\|.*$/m, bodyOf('apply'));
  const whole = [drive, bodyOf('commit_now'), bodyOf('hand_over')].flatMap(phasesIn);
  expect(whole).toEqual([...phaseIds]);
  expect(phasesIn(script)).toHaveLength(phaseIds.length);
});

const transaction = (parts: Partial<PlannedTransaction>) =>
  PlannedTransaction.parse({
    kind: 'ensure',
    bridge: 'mega_bridge',
    uplink: 'eth0',
    mac: '52:54:00:00:00:05',
    mtu: 1500,
    datapath: 'netdev',
    owner: 'ifupdown',
    method: 'ifupdown',
    dhcp: 'dhclient',
    dhcpClientId: '',
    files: [],
    enable: [],
    disable: [],
    addresses: ['10.0.0.5/24'],
    checks: ['carrier'],
    isHeld: false,
    times: defaultBridgeTimes,
    ...parts,
  });
const idsOf = (parts: Partial<PlannedTransaction>) => describePhases(transaction(parts)).map(({ id }) => id);

test('each kind has those that it goes through', () => {
  expect(idsOf({})).toEqual([...phaseIds]);
  expect(idsOf({ kind: 'remove' })).toEqual(phaseIds.filter((id) => id !== 'rehearse'));
  expect(idsOf({ kind: 'persist' })).toEqual(['check', 'snapshot', 'way-back', 'next-boot', 'arm', 'watch', 'write']);
  expect(idsOf({ dhcp: 'none' })).not.toContain('hand-over');
});

test('what the script takes off before it puts it on is said so, and what it leaves', () => {
  const move = describePhases(transaction({ leave: ['10.0.0.250/32'] })).find(({ id }) => id === 'move')?.text;
  expect(move).toMatch(/take all addresses off eth0, and put 10\.0\.0\.5\/24 on mega_bridge/);
  expect(move).toContain('10.0.0.250/32 is left to the program that manages it');
  expect(bodyOf('batch_forward').indexOf('address flush')).toBeLessThan(
    bodyOf('batch_forward').indexOf('address_batch'),
  );
});
