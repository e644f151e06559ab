// @vitest-environment happy-dom
// DHCP in the launch wizard: who serves the VLANs that the new VMs join, and a way to start it.
import { act } from 'react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Role } from '../../contract/roles.ts';
import type { CommandLine } from '../../lib/command-line.ts';
import type { Console } from '../../lib/console.ts';
import { noFleet } from '../../lib/fleet.ts';
import { Observable } from '../../lib/observable.ts';
import { ConsoleProvider } from '../../lib/use-console.ts';
import { testDhcp } from '../dhcp/rows-for-tests.ts';
import { pageForTests } from '../page-for-tests.ts';
import { testCluster, testFleet, testNode } from '../vlans/rows-for-tests.ts';
import type { ClusterRows } from './cluster-facts.ts';
import { LaunchDhcp } from './LaunchDhcp.tsx';

let role: Role = 'operator';
vi.mock('next/navigation', () => ({ useSearchParams: () => new URLSearchParams('') }));
vi.mock('../frame/use-session.tsx', () => ({
  useRefusal: (least: Role) => (role === 'viewer' ? `Needs the role ${least}; yours is ${role}.` : ''),
}));
// Windows stand in the document itself, where `page` finds what is in them.
vi.mock('../ui/Dialog.tsx', () => import('../ui/dialog-for-tests.tsx'));

const page = pageForTests();
const nodes = ['node1', 'node2'].map((name) => testNode(name));
const asked: string[] = [];
const none = new Map();
const rows: ClusterRows = {
  ...{ cluster: testCluster.Id, attachedTo: 'node1', nodes: new Map(nodes.map((node) => [node.Id, node])) },
  ...{ hosts: none, files: none, vlans: none, vms: none, namespaces: none },
};
const lans = [{ alias: 'lan', vlan: 101, vmsOn: new Map<string, number>(), vms: 0 }];

async function draw(networks: readonly string[]): Promise<void> {
  const run: CommandLine['run'] = (_target, line, options) => {
    asked.push(line);
    const entry = { Host: 'node1', Response: '', Header: null, Tabular: null, Error: '', Data: null };
    options.onAnswer({ Resp: [entry], Rendered: '', More: false, Status: false });
    return Promise.resolve({ failed: false });
  };
  const dhcp = [testDhcp('node2', 101), testDhcp('node1', 250, { Alias: '', State: 'failed', Reason: 'no memory' })];
  const fleet = {
    state: new Observable({ ...noFleet, view: testFleet({ nodes, dhcp }) }),
    retain: () => () => undefined,
  };
  const console = { fleet, commands: { run } } as unknown as Console;
  await act(() => {
    page.draw(
      <ConsoleProvider console={console}>
        <LaunchDhcp networks={networks} lans={lans} rows={rows} namespace="exp" />
      </ConsoleProvider>,
    );
    return Promise.resolve();
  });
}
const settle = () => act(() => new Promise<void>((resolve) => setTimeout(resolve, 0)));
const items = () => [...page.box.querySelectorAll('section li')].map(({ textContent }) => textContent);
const startOn = (name: string) => page.box.querySelector<HTMLElement>(`[aria-label="DHCP on ${name}"]`);

beforeEach(() => {
  asked.length = 0;
  role = 'operator';
});

test('each VLAN says who serves it, by its alias or its number; one without a server says what that means', async () => {
  await draw(['lan', '250', 'new', '7']);
  expect(items()).toEqual([
    expect.stringMatching(/^lan.*node2 gives 10\.0\.0\.10 to 10\.0\.0\.209$/),
    expect.stringMatching(/^250.*node1 gives/),
    expect.stringMatching(/^newno server: guests need static addresses/),
    expect.stringMatching(/^7no server/),
  ]);
  expect([startOn('lan'), startOn('250')]).toEqual([null, null]);
  expect([startOn('new'), startOn('7')]).not.toContain(null);
});

test('a server is started in the namespace of the launch, on a VLAN that has no number yet too', async () => {
  await draw(['lan', 'new']);
  act(() => startOn('new')?.click());
  page.press('Start');
  await settle();
  expect(asked).toEqual([expect.stringMatching(/^(mesh send node1 )?namespace exp dnsmasq serve new 10\./)]);
  expect(page.box.querySelector('[role=dialog]')).toBeNull();
});

test('who may not start one sees the servers, and hears why', async () => {
  role = 'viewer';
  await draw(['lan', 'new']);
  expect(items()[0]).toContain('node2 gives');
  expect(startOn('new')?.getAttribute('aria-disabled')).toBe('true');
});
