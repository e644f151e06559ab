// @vitest-environment happy-dom
import { act, type ReactNode } from 'react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Role } from '../../contract/roles.ts';
import { streamClose } from '../../contract/streams.ts';
import type { CommandLine } from '../../lib/command-line.ts';
import type { Console } from '../../lib/console.ts';
import { noFleet } from '../../lib/fleet.ts';
import { Observable } from '../../lib/observable.ts';
import { ConsoleProvider } from '../../lib/use-console.ts';
import { pageForTests } from '../page-for-tests.ts';
import type { LineSocketEvents } from '../../lib/line-stream.ts';
import { testFleet, testNode } from '../vlans/rows-for-tests.ts';
import { captureLine, type CaptureTarget } from './capture-line.ts';
import { PacketTable } from './PacketTable.tsx';
import { capture } from './rows-for-tests.ts';
import { StartCaptureDialog } from './StartCaptureDialog.tsx';

let role: Role = 'admin';
vi.mock('next/navigation', () => ({ useSearchParams: () => new URLSearchParams('') }));
vi.mock('../frame/use-session.tsx', () => ({
  useSession: () => ({ user: { name: 'Ann', role } }),
  useRefusal: (least: Role) => {
    const order: readonly Role[] = ['viewer', 'operator', 'admin'];
    return order.indexOf(role) >= order.indexOf(least) ? '' : `Needs the role ${least}; yours is ${role}.`;
  },
}));
vi.mock('../frame/use-cluster.ts', () => ({ useCluster: () => ({ Id: 'c1', AttachedTo: 'node1' }) }));
vi.mock('../ui/Dialog.tsx', () => import('../ui/dialog-for-tests.tsx'));

const page = pageForTests();
const asked: string[] = [];
let failing = '';
const heard: boolean[] = [];

async function draw(node: ReactNode): Promise<void> {
  const run: CommandLine['run'] = (_target, line, options) => {
    asked.push(line);
    const isWrong = failing !== '' && line.includes(failing);
    const entry = { Host: 'node1', Response: '', Header: null, Tabular: null, Data: null };
    const Error = isWrong ? "can't parse filter expression: syntax error" : '';
    options.onAnswer({ Resp: [{ ...entry, Error }], Rendered: '', More: false, Status: false });
    return Promise.resolve({ failed: isWrong });
  };
  const view = testFleet({ nodes: [testNode('node1')], namespaces: [], vlans: [], vms: [] });
  const fleet = { state: new Observable({ ...noFleet, view }), retain: () => () => undefined };
  const console = { fleet, commands: { run } } as unknown as Console;
  await act(() => {
    page.draw(<ConsoleProvider console={console}>{node}</ConsoleProvider>);
    return Promise.resolve();
  });
}
const button = (name: string) => [...page.box.querySelectorAll('button')].find((each) => each.textContent === name)!;
const isOff = (name: string) => button(name).getAttribute('aria-disabled') === 'true';

beforeEach(() => {
  asked.length = 0;
  heard.length = 0;
  failing = '';
  role = 'admin';
});

const web: CaptureTarget = {
  ...{ kind: 'vm', node: 'node2', namespace: 'minimega', vm: 'web' },
  nics: [{ index: 0, label: 'NIC 0: lan (101)' }],
};
const dialog = (targets: readonly CaptureTarget[]) => (
  <StartCaptureDialog open onOpenChange={(isOpen) => heard.push(isOpen)} targets={targets} />
);

test('a filter that does not compile says so at the field, and nothing starts', async () => {
  failing = 'icmp or';
  await draw(dialog([web]));
  expect(isOff('Start')).toBe(false);
  page.type('Filter (optional)', 'icmp or');
  await page.until(() =>
    expect(page.field('Filter (optional)').textContent).toContain("can't parse filter expression"),
  );
  expect(isOff('Start')).toBe(true);
  expect(asked).toEqual(['mesh send node2 capture check "icmp or"']);
});

test('what is started has the limits that are shown, and the name of who asked', async () => {
  await draw(dialog([web]));
  page.type('File on the node', 'web.pcap');
  page.type('Ends at, MB', 'x');
  expect(page.field('Ends at, MB').textContent).toContain('A number from 1');
  expect(isOff('Start')).toBe(true);
  page.type('Ends at, MB', '5');
  page.type('File on the node', '../web.pcap');
  expect(isOff('Start')).toBe(true);
  page.type('File on the node', 'web.pcap');
  page.press('Start');
  await page.until(() => expect(heard).toEqual([false]));
  expect(asked).toEqual(['mesh send node2 capture pcap vm web 0 web.pcap size=5 time=600 by=Ann']);
});

test('a bridge takes an admin', async () => {
  role = 'operator';
  await draw(dialog([{ kind: 'bridge', node: 'node1', bridge: 'mega_bridge' }]));
  expect(isOff('Start')).toBe(true);
  expect(page.box.textContent).toContain('of every namespace');
});

test('packets show as they come, without their control characters', async () => {
  const sockets: LineSocketEvents[] = [];
  const components = {
    connect: (_path: string, on: LineSocketEvents) => {
      sockets.push(on);
      return () => undefined;
    },
    after: () => () => undefined,
  };
  await draw(<PacketTable line={captureLine(capture({ Packets: 1 }), 'node1')} components={components} />);
  expect(page.box.textContent).toContain('No packet yet');
  const packet = { at: 1, source: '10.0.0.1', destination: '10.0.0.2', protocol: 'ICMP', vlans: [101], length: 98 };
  const line = `${JSON.stringify({ ...packet, info: 'echo\u001b[2J request' })}\n`;
  act(() => sockets[0]?.message(new TextEncoder().encode(line).buffer));
  expect([...page.box.querySelectorAll('tbody td')].map(({ textContent }) => textContent)).toEqual([
    ...['0.000000', '10.0.0.1', '10.0.0.2', 'ICMP', '101', '98', 'echo^[[2J request'],
  ]);
  act(() => sockets[0]?.close({ code: streamClose.failed, reason: 'node1 left' }));
  expect(page.box.textContent).toContain('node1 left');
});

test('a viewer sees no packets', async () => {
  role = 'viewer';
  await draw(<PacketTable line={captureLine(capture(), 'node1')} />);
  expect(page.box.textContent).toBe('Needs the role operator; yours is viewer.');
});
