// @vitest-environment happy-dom
import { act, type ReactNode } from 'react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import type { Role } from '../../contract/roles.ts';
import type { CommandLine } from '../../lib/command-line.ts';
import type { Console } from '../../lib/console.ts';
import { noFleet } from '../../lib/fleet.ts';
import { Observable } from '../../lib/observable.ts';
import { ConsoleProvider } from '../../lib/use-console.ts';
import { pageForTests } from '../page-for-tests.ts';
import { testFleet, testNode, testVm } from '../vlans/rows-for-tests.ts';
import { testDhcp, testLease } from './rows-for-tests.ts';
import { StartDhcpDialog } from './StartDhcpDialog.tsx';
import { VlanDhcp } from './VlanDhcp.tsx';

let role: Role = 'admin';
vi.mock('next/navigation', () => ({ useSearchParams: () => new URLSearchParams('') }));
vi.mock('../frame/use-session.tsx', () => ({
  useRefusal: (least: Role) => {
    const order: readonly Role[] = ['viewer', 'operator', 'admin'];
    return order.indexOf(role) >= order.indexOf(least) ? '' : `Needs the role ${least}; yours is ${role}.`;
  },
}));
// Windows stand in the document itself, where `page` finds what is in them.
vi.mock('../ui/Dialog.tsx', () => import('../ui/dialog-for-tests.tsx'));

const page = pageForTests();
const web = testVm('web1', 'node2', [[101, 'lan']], { Macs: ['02:00:00:00:00:0a'] });
const nodes = ['node1', 'node2'].map((name) => testNode(name));
const asked: string[] = [];
const heard: unknown[] = [];
let answer: Partial<ResponseEntry> = {};

async function draw(content: ReactNode, rows: Parameters<typeof testFleet>[0]): Promise<void> {
  const run: CommandLine['run'] = (_target, line, options) => {
    asked.push(line);
    const entry = { Host: 'node2', Response: '', Header: null, Tabular: null, Error: '', Data: null };
    options.onAnswer({ Resp: [{ ...entry, ...answer }], Rendered: '', More: false, Status: false });
    return Promise.resolve({ failed: false });
  };
  const fleet = { state: new Observable({ ...noFleet, view: testFleet(rows) }), retain: () => () => undefined };
  const console = { fleet, commands: { run } } as unknown as Console;
  await act(() => {
    page.draw(<ConsoleProvider console={console}>{content}</ConsoleProvider>);
    return Promise.resolve();
  });
}
const settle = () => act(() => new Promise<void>((resolve) => setTimeout(resolve, 0)));
const button = (name: string) => [...page.box.querySelectorAll('button')].find((each) => each.textContent === name)!;
const dialog = () => (
  <StartDhcpDialog open onOpenChange={(isOpen) => heard.push(isOpen)} vlan={0} name="lan" namespace="exp" vms={[web]} />
);

beforeEach(() => {
  asked.length = 0;
  heard.length = 0;
  answer = {};
  role = 'admin';
});

test('the form begins with the node that has most VMs on it, and with a network that is right', async () => {
  await draw(dialog(), { nodes, vms: [web] });
  expect(page.box.textContent).toContain(
    'meshd -e mesh send node2 namespace exp dnsmasq serve lan 10.0.0.1/24 10.0.0.10 10.0.0.209',
  );
  page.press('Start');
  await settle();
  expect([asked, heard]).toEqual([
    ['mesh send node2 namespace exp dnsmasq serve lan 10.0.0.1/24 10.0.0.10 10.0.0.209'],
    [false],
  ]);
});

test('what the command would refuse is said at its field, and nothing is asked', async () => {
  await draw(dialog(), { nodes, vms: [web] });
  page.type('Last address for guests', '10.0.1.5');
  page.type('Gateway (optional)', '192.0.2.1');
  expect(page.field('Last address for guests').textContent).toContain('10.0.1.5 is not in 10.0.0.0/24');
  expect(page.field('Gateway (optional)').textContent).toContain('a gateway is on the guests’ own network');
  expect(button('Start').getAttribute('aria-disabled')).toBe('true');
  page.press('Start');
  await settle();
  expect(asked).toEqual([]);
});

test('what the node refuses stays in the window', async () => {
  await draw(dialog(), { nodes, vms: [web] });
  answer = { Error: 'this node serves VLAN 101 already, with the id 0' };
  page.press('Start');
  await settle();
  expect(heard).toEqual([]);
  expect(page.box.textContent).toContain('node2: this node serves VLAN 101 already');
});

test('a VLAN shows its servers, who has which address, and a warning where there are two', async () => {
  const rows = {
    ...{ nodes, vms: [web] },
    dhcp: [testDhcp('node1', 101), testDhcp('node2', 101, { State: 'failed', Reason: 'out of memory' })],
    leases: [
      testLease('node1', '10.0.0.20', '02:00:00:00:00:0a', { Name: 'web1' }),
      testLease('node1', '10.0.0.21', '02:00:00:00:00:0b', { Name: 'phone' }),
    ],
  };
  await draw(<VlanDhcp vlan={101} vms={[web]} onStart={() => heard.push('start')} />, rows);
  expect(page.box.textContent).toContain('2 DHCP servers are on this VLAN');
  expect(page.box.textContent).toContain('They run on node[1-2].');
  expect(page.box.textContent).toContain('out of memory');
  const leases = [...page.box.querySelectorAll('li')].map(({ textContent }) => textContent);
  expect(leases).toEqual(['10.0.0.20web1', '10.0.0.2102:00:00:00:00:0bphone']);
  expect(page.box.querySelector('a[href*="/vms/node2/"]')?.textContent).toBe('web1');
  page.box.querySelector<HTMLElement>('button[aria-label="Stop DHCP on node2"]')?.click();
  await settle();
  expect(asked).toEqual(['mesh send node2 dnsmasq kill 0']);
});

test('who may not change it sees it, and hears why', async () => {
  role = 'viewer';
  await draw(<VlanDhcp vlan={101} vms={[]} onStart={() => heard.push('start')} />, { nodes });
  expect(page.box.textContent).toContain('No node serves DHCP on it');
  expect(button('DHCP on this VLAN…').getAttribute('aria-disabled')).toBe('true');
});
