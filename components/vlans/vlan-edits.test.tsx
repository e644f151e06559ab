// @vitest-environment happy-dom
import { act, type ReactNode } from 'react';
import { beforeEach, expect, test, vi } from 'vitest';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import type { Role } from '../../contract/roles.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import type { CommandLine } from '../../lib/command-line.ts';
import type { Console } from '../../lib/console.ts';
import { noFleet } from '../../lib/fleet.ts';
import { Observable } from '../../lib/observable.ts';
import { ConsoleProvider } from '../../lib/use-console.ts';
import { pageForTests } from '../page-for-tests.ts';
import { AddVlanDialog } from './AddVlanDialog.tsx';
import { DeleteVlanDialog } from './DeleteVlanDialog.tsx';
import { JoinVlanDialog } from './JoinVlanDialog.tsx';
import { NumbersDialog } from './NumbersDialog.tsx';
import { testFleet, testNamespace, testNode, testVlan, testVm } from './rows-for-tests.ts';
import { VlanIndex } from './vlan-index.ts';
import type { VlanSource } from './vlan-source.ts';

let role: Role = 'admin';
vi.mock('next/navigation', () => ({ useSearchParams: () => new URLSearchParams('') }));
vi.mock('../frame/use-session.tsx', () => ({
  useRefusal: (least: Role) => {
    const order: readonly Role[] = ['viewer', 'operator', 'admin'];
    return order.indexOf(role) >= order.indexOf(least) ? '' : `Needs the role ${least}; yours is ${role}.`;
  },
}));
// Windows stand in the document itself, where `page` finds what is in them.
vi.mock('../ui/Dialog.tsx', () => ({
  Dialog: ({
    open,
    title,
    footer,
    children,
  }: Record<'title' | 'footer' | 'children', ReactNode> & { open: boolean }) =>
    open ? (
      <div role="dialog">
        <h2>{title}</h2>
        {children}
        {footer}
      </div>
    ) : null,
}));

const page = pageForTests();
const view = testFleet({
  nodes: ['node1', 'node2'].map((name) => testNode(name)),
  namespaces: [testNamespace('minimega', [101, 4094]), testNamespace('exp', [200, 299])],
  vlans: [
    testVlan(101, 'lan', { Split: true }),
    testVlan(110, 'lan', { Split: true }),
    testVlan(102, 'idle'),
    testVlan(150),
  ],
  vms: [
    testVm('a1', 'node1', [[101, 'lan']]),
    testVm('a2', 'node2', [[110, 'lan']]),
    testVm('b1', 'node2', [[103, 'gone']], { State: 'QUIT' }),
  ],
});
const index = new VlanIndex('c1', view);
const map = index.current;
const source: VlanSource = {
  get: () => map,
  subscribe: () => () => undefined,
  vmsOn: (name) => [...index.vmsOn(name)].flatMap((key) => rowsOf(view, fleetKeys.vms).get(key) ?? []),
};
const vlanOf = (alias: string) => map.vlans.find((each) => each.alias === alias)!;

const asked: string[] = [];
let answers: Record<string, Partial<ResponseEntry>> = {};
const heard: unknown[] = [];

async function draw(dialog: ReactNode): Promise<void> {
  const run: CommandLine['run'] = (_target, line, options) => {
    asked.push(line);
    const entry = { Host: 'node1', Response: '', Header: null, Tabular: null, Error: '', Data: null };
    const Resp = [{ ...entry, ...answers[line] }];
    options.onAnswer({ Resp, Rendered: '', More: false, Status: false });
    return Promise.resolve({ failed: false });
  };
  const fleet = { state: new Observable({ ...noFleet, view }), retain: () => () => undefined };
  const console = { fleet, commands: { run } } as unknown as Console;
  await act(() => {
    page.draw(<ConsoleProvider console={console}>{dialog}</ConsoleProvider>);
    return Promise.resolve();
  });
}

const settle = () => act(() => new Promise<void>((resolve) => setTimeout(resolve, 0)));
async function press(name: string): Promise<void> {
  page.press(name);
  await settle();
}
const button = (name: string) => [...page.box.querySelectorAll('button')].find((each) => each.textContent === name)!;
const isOff = (name: string) => button(name).getAttribute('aria-disabled') === 'true';
const onOpenChange = (isOpen: boolean) => void heard.push(isOpen);
const add = () => (
  <AddVlanDialog open onOpenChange={onOpenChange} map={map} namespace="" onAdded={(name) => heard.push(name)} />
);

beforeEach(() => {
  asked.length = 0;
  heard.length = 0;
  answers = {};
  role = 'admin';
});

test('add: what would be refused is said while one types, and nothing is asked', async () => {
  await draw(add());
  page.type('Alias', 'lan');
  expect(page.field('Alias').textContent).toContain('lan has the number 101 and 110 already.');
  page.type('Alias', 'web');
  expect(page.field('Number (optional)').textContent).toContain('104 is free');
  page.type('Number (optional)', '102');
  expect(page.field('Number (optional)').textContent).toContain('102 is the number of idle in the namespace minimega.');
  expect(isOff('Add')).toBe(true);
  page.type('Number (optional)', '250');
  expect(page.field('Number (optional)').textContent).toContain('in the range of the namespace exp');
  await press('Add');
  expect(asked).toEqual([]);
});

test('add: the line as a command, its answer, and the new VLAN for the page', async () => {
  await draw(add());
  page.type('Alias', 'web');
  page.type('Namespace', 'exp');
  expect(page.box.textContent).toContain('meshd -e namespace exp vlans add web');
  await press('Add');
  expect([asked, heard]).toEqual([['namespace exp vlans add web'], ['exp//web', false]]);
});

test('add: while the deciding node is away an admin may take the number without it, others may not', async () => {
  const refused = {
    Error:
      'node2, which owns VLAN 105, is away: VLAN 106 is free; `force` at the end of the line takes 105 without asking',
  };
  answers = { 'vlans add web 105': refused };
  await draw(add());
  page.type('Alias', 'web');
  page.type('Number (optional)', '105');
  await press('Add');
  expect(page.box.textContent).toContain('node1: node2, which owns VLAN 105, is away');
  act(() => page.box.querySelector<HTMLElement>('input[type=checkbox]')?.click());
  await press('Add');
  expect(asked).toEqual(['vlans add web 105', 'vlans add web 105 force']);
  expect(heard).toEqual(['minimega//web', false]);

  role = 'operator';
  await draw(add());
  page.type('Alias', 'web');
  page.type('Number (optional)', '105');
  await press('Add');
  expect(page.box.querySelector('[role=checkbox]')?.hasAttribute('data-disabled')).toBe(true);
  expect(page.box.textContent).toContain('Needs the role admin');
});

test('a viewer sees why nothing can be done', async () => {
  role = 'viewer';
  await draw(add());
  page.type('Alias', 'web');
  expect(isOff('Add')).toBe(true);
  await draw(<NumbersDialog open onOpenChange={onOpenChange} map={map} />);
  expect([isOff('Set the range'), isOff('Keep it free')]).toEqual([true, true]);
  await press('Keep it free');
  expect(asked).toEqual([]);
});

const remove = (alias: string) => (
  <DeleteVlanDialog open onOpenChange={onOpenChange} map={map} source={source} vlan={vlanOf(alias)} />
);

test('delete: with VMs on it their names are there, and its own must be typed', async () => {
  await draw(remove('lan'));
  expect(page.box.textContent).toContain('2 VMs are taken off it, and lose this network: a1 and a2.');
  expect(isOff('Delete')).toBe(true);
  page.type('Type lan to confirm', 'lan');
  await press('Delete');
  expect(asked).toEqual(['vm net disconnect a1 0', 'mesh send node2 vm net disconnect a2 0', 'vlans delete lan']);
  expect(heard).toEqual([false]);
});

test('delete: what fails ends it there, in the node’s words; the rest is not run', async () => {
  answers = { 'vm net disconnect a1 0': { Error: 'no such VM' } };
  await draw(remove('lan'));
  page.type('Type lan to confirm', 'lan');
  await press('Delete');
  expect(asked.at(-1)).toBe('vm net disconnect a1 0');
  expect(page.box.textContent).toContain('node1: no such VM');
  expect(heard).toEqual([]);
});

test('delete: without VMs nothing has to be typed; a VM that has quit stands in the way', async () => {
  await draw(remove('idle'));
  await press('Delete');
  expect([asked, heard]).toEqual([['vlans delete idle'], [false]]);
  await draw(remove('gone'));
  expect(page.box.textContent).toContain('1 VM must be flushed or come back first');
  expect(isOff('Delete')).toBe(true);
});

test('join: what would move for each number, what the nodes say, and then one of them', async () => {
  answers = { 'vlans join lan': { Response: 'lan is split over VLANs 101, 110' } };
  await draw(
    <JoinVlanDialog
      open
      onOpenChange={onOpenChange}
      map={map}
      source={source}
      vlan={vlanOf('lan')}
      onJoined={(name) => heard.push(name)}
    />,
  );
  await settle();
  expect(page.box.textContent).toContain('1 VM would move: a2.');
  expect(page.box.textContent).toContain('lan is split over VLANs 101, 110');
  const second = [...page.box.querySelectorAll<HTMLInputElement>('input[type=radio]')][1]!;
  act(() => second.click());
  await press('Join to 110');
  expect(asked).toEqual(['vlans join lan', 'vlans join lan 110']);
  await press('Close');
  expect(heard).toEqual(['minimega//lan', false]);
});

test('numbers: a range is set with both ends, a number is kept and given back', async () => {
  await draw(<NumbersDialog open onOpenChange={onOpenChange} map={map} />);
  expect(page.box.textContent).toContain('200 to 299');
  page.type('First', '300');
  page.type('Last', '200');
  expect(page.box.textContent).toContain('The last number is below the first.');
  page.type('Last', '399');
  await press('Set the range');
  page.type('Number', '102');
  expect(page.field('Number').textContent).toContain('102 is the number of idle');
  page.type('Number', '160');
  await press('Keep it free');
  act(() => page.box.querySelector<HTMLElement>('[aria-label="Give 150 back to the aliases"]')?.click());
  await settle();
  expect(asked).toEqual(['vlans range 300 400', 'vlans blacklist 160', 'vlans delete 150']);
});
