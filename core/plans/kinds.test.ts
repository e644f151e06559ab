import { expect, test } from 'vitest';
import { PlanKind } from '../../contract/plans.ts';
import { describeCommand } from './command-text.ts';
import { bridgeKind, deployKind, planKinds, removeBridgeKind, replaceNodeKind } from './kinds.ts';
import { findKind, roleOfKind } from './plan-kind.ts';

test('each kind has its own name and its own page, and the name is one that the wire takes', () => {
  expect(new Set(planKinds.map(({ kind }) => kind)).size).toBe(planKinds.length);
  expect(new Set(planKinds.map(({ page }) => page.path)).size).toBe(planKinds.length);
  for (const { kind } of planKinds) expect(PlanKind.parse(kind)).toBe(kind);
});

test('no two kinds take the same words, but for a flag that chooses one of them', () => {
  const words = planKinds.flatMap(({ commands }) => commands.map((command) => [command.words, command.choice?.flag]));
  expect(new Set(words.map((each) => each.join(' '))).size).toBe(words.length);
});

test('a kind of another version is found by nobody, and is for admins', () => {
  expect(findKind(planKinds, 'moved-to-mars')).toBeUndefined();
  expect(roleOfKind(planKinds, 'moved-to-mars')).toBe('admin');
  expect(roleOfKind([{ kind: 'look', role: 'viewer' }], 'look')).toBe('viewer');
});

test.each([
  [
    deployKind,
    { nodes: 'node[1-3]', head: 'node1', context: 'meshd', degree: 3, port: 9000 },
    '--head node1 --context meshd --degree 3',
  ],
  [
    deployKind,
    { nodes: 'node[1-3]', head: 'node1', context: 'a b', degree: 3, port: 9001 },
    "--head node1 --context 'a b' --degree 3 --mesh-port 9001",
  ],
  [
    bridgeKind,
    { nodes: 'node[1-3]', bridge: 'mega_bridge', uplink: 'auto', uplinks: {}, method: 'auto', times: {}, atOnce: 16 },
    '',
  ],
  [
    bridgeKind,
    {
      nodes: 'node[1-3]',
      bridge: 'br0',
      uplink: 'eth1',
      uplinks: { node2: 'ens3' },
      hold: true,
      window: 300,
      times: { reboot: 300 },
    },
    '--uplink eth1 --uplink node2=ens3 --bridge br0 --hold --window 300 --time reboot=300',
  ],
] as const)('%o of %o', (kind, form, flags) => {
  const [command] = kind.commands;
  expect(describeCommand(command, form)).toBe(
    `meshdeck ${command.words} 'node[1-3]'${flags === '' ? '' : ` ${flags}`}`,
  );
});

test('the flag that chooses a kind comes before its argument, and a first login has its options', () => {
  expect(
    describeCommand(removeBridgeKind.commands[0], { nodes: 'node1', bridge: 'mega_bridge', confirm: 'mega_bridge' }),
  ).toBe('meshdeck bridge --undo node1 --confirm mega_bridge');
  const login = { user: 'ann', port: 2222, login: 'key' };
  expect(describeCommand(replaceNodeKind.commands[0], { node: 'node1', confirm: 'node1', ...login })).toBe(
    'meshdeck nodes replace node1 --user ann --port 2222 --identity <file> --confirm node1',
  );
});
