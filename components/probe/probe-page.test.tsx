// @vitest-environment happy-dom
// The page of a probe, from its form to what was found, over a console that answers as a node does.
import { act } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CommandResponse, ResponseEntry } from '../../contract/command-socket.ts';
import type { ProbeResult } from '../../contract/probe.ts';
import type { Role } from '../../contract/roles.ts';
import type { CommandLine, RunOptions } from '../../lib/command-line.ts';
import type { Console } from '../../lib/console.ts';
import { noFleet } from '../../lib/fleet.ts';
import { Observable } from '../../lib/observable.ts';
import { ProbesCollection } from '../../lib/probes.ts';
import { ConsoleProvider } from '../../lib/use-console.ts';
import { pageForTests } from '../page-for-tests.ts';
import { testFleet, testNode, testVlan, testVm } from '../vlans/rows-for-tests.ts';
import { ProbePage } from './ProbePage.tsx';
import { TracePage } from './TracePage.tsx';

let role: Role = 'operator';
vi.mock('next/navigation', () => ({ useSearchParams: () => new URLSearchParams(window.location.search) }));
vi.mock('../frame/use-session.tsx', () => ({
  useRefusal: () => (role === 'viewer' ? 'Needs the role operator; yours is viewer.' : ''),
}));

const page = pageForTests();
const nodes = ['node1', 'node2', 'node3'];
const result: ProbeResult = {
  ...{ atMs: 0, staleAtMs: 3_600_000, bigBytes: 1_514, unsteady: [], flooded: [], unshielded: [] },
  nodes: nodes.map((name) => ({
    ...{ name, state: 'ok', reason: '', bridge: 'mega_bridge', uplink: 'eth0', mtu: 1_500 },
  })),
  vlans: [
    { vlan: 101, alias: 'lan' },
    { vlan: 120, alias: '' },
  ],
  bad: ['node1', 'node2'].flatMap((name) => [
    { vlan: 120, from: 'node3', to: name, verdict: 'blocked' as const, arrivedOn: [] },
    { vlan: 120, from: name, to: 'node3', verdict: 'blocked' as const, arrivedOn: [] },
  ]),
  causes: [
    {
      ...{ kind: 'port', symptom: 'blocked', vlans: [120], groups: [['node3']] },
      ...{ direction: 'both', arrivedOn: 0, or: [] },
    },
  ],
};

interface Asked {
  readonly line: string;
  readonly options: RunOptions;
  readonly end: () => void;
}
let asked: Asked[];
let now: number;

async function draw(shown = <ProbePage />): Promise<void> {
  const run: CommandLine['run'] = (_target, line, options) =>
    new Promise((resolve, reject) => {
      asked.push({ line, options, end: () => resolve({ failed: false }) });
      options.signal?.addEventListener('abort', () => reject(new Error('cancelled')));
    });
  const view = testFleet({
    nodes: nodes.map((name) => testNode(name)),
    vlans: [testVlan(101, 'lan'), testVlan(120)],
    vms: [testVm('web1', 'node1', [[101, 'lan']]), testVm('web2', 'node3', [[120, '']])],
  });
  const fleet = {
    state: new Observable({ ...noFleet, status: 'live' as const, view }),
    retain: () => () => undefined,
    onDelta: () => () => undefined,
  };
  const probes = new ProbesCollection({ commands: { run }, now: () => now, storage: () => null });
  const console = { fleet, commands: { run }, probes } as unknown as Console;
  await act(() => {
    page.draw(<ConsoleProvider console={console}>{shown}</ConsoleProvider>);
    return Promise.resolve();
  });
}

async function answer(change: Partial<ResponseEntry>): Promise<void> {
  const entry = { Host: 'node1', Response: '', Header: null, Tabular: null, Error: '', Data: null, ...change };
  const last = asked.at(-1);
  const response: CommandResponse = { Resp: [entry], Rendered: '', More: false, Status: false };
  await act(() => {
    last?.options.onAnswer(response);
    last?.end();
    return Promise.resolve();
  });
  await page.until(() => expect(page.box.querySelector('[aria-busy]')?.getAttribute('aria-busy')).toBe('false'));
}

const text = () => page.box.textContent;
const cells = () =>
  [...page.box.querySelectorAll('[role=grid][aria-label^=Paths] [role=gridcell]')].map((cell) =>
    cell.getAttribute('aria-label'),
  );
const matrix = () => page.box.querySelector<HTMLElement>('[role=grid][aria-label^=Paths]')!;
const key = (...keys: string[]) => {
  for (const each of keys)
    act(
      () => void matrix().dispatchEvent(new KeyboardEvent('keydown', { key: each, bubbles: true, cancelable: true })),
    );
};

beforeEach(() => {
  for (const side of ['offsetHeight', 'clientHeight'] as const)
    vi.spyOn(HTMLElement.prototype, side, 'get').mockReturnValue(360);
  for (const side of ['offsetWidth', 'clientWidth'] as const)
    vi.spyOn(HTMLElement.prototype, side, 'get').mockReturnValue(900);
  window.history.replaceState(null, '', '/vlans/probe');
  asked = [];
  role = 'operator';
  now = Date.now();
});
afterEach(() => {
  vi.restoreAllMocks();
});

test('what is in use is offered, and what is typed is checked in place', async () => {
  await draw();
  expect(text()).toContain('vlans probe 101,120 nodes node[1-3]');
  expect(text()).toContain('3 nodes, 2 VLANs: 12 paths');
  page.type('VLANs', 'lan, 4095');
  expect(page.field('VLANs').textContent).toContain('4095: invalid VLAN');
  expect(text()).not.toContain('vlans probe');
  page.type('VLANs', 'lan');
  page.type('Nodes', 'node[1-9]');
  expect(page.field('Nodes').textContent).toContain('No node is called node4');
  page.press('Probe');
  expect(asked).toEqual([]);
  page.type('Nodes', 'node[1-2]');
  page.press('Probe');
  expect(asked.map(({ line }) => line)).toEqual(['vlans probe 101 nodes node[1-2]']);
});

test('it says how far it is, can be cancelled, and shows a refusal where it was asked for', async () => {
  await draw();
  page.press('Probe');
  act(() => asked[0]?.options.onAnswer({ Resp: null, Rendered: 'testing VLAN 120', More: true, Status: true }));
  expect(page.box.querySelector('[aria-busy] [role=status]')?.textContent).toContain('testing VLAN 120');
  page.press('Cancel');
  await page.until(() => expect(text()).toContain('Not probed yet'));
  page.press('Probe');
  await answer({ Error: 'a probe needs two nodes that can take part: node2: the uplink of mega_bridge is a bond' });
  expect(page.box.querySelector('[role=alert]')?.textContent).toContain('is a bond');
});

test('a matrix with a word for each path, what explains it, and a path by the keyboard', async () => {
  await draw();
  page.press('Probe');
  await answer({ Data: result });
  expect(text()).toContain('1 of 2 VLANs with bad paths');
  expect(text()).toContain('The switch port of node3 does not pass VLAN 120.');
  expect(cells()).toEqual([
    ...['node1 itself', 'node1 to node2: ok', 'node1 to node3: blocked'],
    ...['node2 to node1: ok', 'node2 itself', 'node2 to node3: blocked'],
    ...['node3 to node1: blocked', 'node3 to node2: blocked', 'node3 itself'],
  ]);
  key('ArrowRight', 'Enter');
  expect(window.location.search).toContain('from=node1&to=node3');
  const active = () => document.getElementById(matrix().getAttribute('aria-activedescendant') ?? '');
  expect(active()?.getAttribute('aria-label')).toBe('node1 to node3: blocked');
  key('ArrowUp', 'Home');
  expect(active()?.getAttribute('aria-label')).toBe('node1 itself');
});

test('nodes that took no part are named with the reason, and their paths have the verdict silent', async () => {
  await draw();
  page.press('Probe');
  const silent = { ...result.nodes[2]!, state: 'silent' as const, reason: 'it did not answer in time' };
  await answer({ Data: { ...result, bad: [], causes: [], nodes: [...result.nodes.slice(0, 2), silent] } });
  expect(text()).toContain('node3 is silent');
  expect(text()).toContain('2 VLANs ok, 1 node not tested');
  expect(cells()).toContain('node1 to node3: node silent');
});

test('after an hour every path is unknown, and the page says when it was measured', async () => {
  now = Date.now() - 3_600_001;
  await draw();
  page.press('Probe');
  await answer({ Data: result });
  expect(text()).toContain('measured over an hour ago: nothing is known now');
  expect(text()).toContain('1 h ago');
  expect(
    new Set(
      cells()
        .filter((cell) => !cell?.endsWith('itself'))
        .map((cell) => cell?.split(': ')[1]),
    ),
  ).toEqual(new Set(['unknown']));
  expect(text()).not.toContain('does not pass');
});

test('what is too large for the map is shown in short', async () => {
  await draw();
  page.press('Probe');
  await answer({ Tabular: [['120', '', 'node3', 'node[1-2]', 'blocked', 'The switch port of node3']] });
  expect(text()).toContain('Too many bad paths for the map');
  expect(text()).toContain('120, node3, node[1-2], blocked, The switch port of node3');
});

test('a viewer reads why nothing can be sent', async () => {
  role = 'viewer';
  await draw();
  page.press('Probe');
  expect(asked).toEqual([]);
});

test('a path is traced between two VMs, and the first broken hop is explained', async () => {
  window.history.replaceState(null, '', '/vlans/trace?from=web1&to=web2');
  await draw(<TracePage />);
  page.type('To', 'web9');
  expect(page.field('To').textContent).toContain('No VM of the namespace minimega is called web9.');
  page.type('To', 'web1');
  expect(page.field('To').textContent).toContain('choose another VM');
  page.type('To', 'web2');
  expect(page.field('To').textContent).toContain('on node3');
  page.press('Trace');
  expect(asked.map(({ line }) => line)).toEqual(['vlans trace web1 web2']);
  const hop = { vlan: 120, node: 'node1', state: 'ok', evidence: 'RUNNING' };
  await answer({
    Data: {
      hops: [
        { ...hop, place: 'vm', name: 'web1' },
        { ...hop, place: 'flows', name: 'mega_bridge', state: 'unknown', evidence: 'it does not tell' },
        { ...hop, place: 'uplink', name: 'eth0', state: 'broken', evidence: 'its port does not pass VLAN 120' },
      ],
      probe: null,
    },
  });
  expect(text()).toContain('It ends at the uplink eth0 on node1');
  expect(text()).toContain('meshdeck bridge node1');
  const hops = [...page.box.querySelectorAll('ol[aria-label="Hops on VLAN 120"] > li')];
  expect(hops.map((each) => each.textContent.replaceAll(/\s+/g, ' '))).toEqual([
    expect.stringMatching(/^VM, ok:.*RUNNING/),
    expect.stringMatching(/^Flows, unknown:.*it does not tell/),
    expect.stringMatching(/^Uplink, broken:.*its port does not pass VLAN 120/),
  ]);
  expect(hops.map((each) => each.getAttribute('aria-current'))).toEqual([null, null, 'step']);
});
