// @vitest-environment happy-dom
import { act, type ReactNode } from 'react';
import { expect, test, vi } from 'vitest';
import type { FleetNode } from '../../contract/fleet.ts';
import type { KnownNode, NodeChecks } from '../../contract/known-nodes.ts';
import type { CommandLine } from '../../lib/command-line.ts';
import type { Console } from '../../lib/console.ts';
import { ConsoleProvider } from '../../lib/use-console.ts';
import { meshView } from '../fleet/mesh-view.ts';
import { ChecksPanel } from './ChecksPanel.tsx';
import { LogPanel } from './LogPanel.tsx';
import { pageForTests } from '../page-for-tests.ts';

vi.mock('next/navigation', () => ({ useSearchParams: () => new URLSearchParams('cluster=john') }));

const page = pageForTests();

const asked: unknown[] = [];
async function draw(panel: ReactNode, checks: NodeChecks | null = null): Promise<void> {
  asked.length = 0;
  const run: CommandLine['run'] = (target, line, options) => {
    asked.push([target, line, options.timeoutMs]);
    options.onAnswer({
      Resp: [
        { Host: 'node1', Response: 'ActiveState=failed\u001b[2J', Header: null, Tabular: null, Error: '', Data: null },
      ],
      Rendered: '',
      More: false,
      Status: false,
    });
    return Promise.resolve({ failed: false });
  };
  const client = {
    onConnected: (listener: () => void) => {
      listener();
      return () => undefined;
    },
    call: (name: string, input: unknown) => {
      asked.push([name, input]);
      return Promise.resolve(checks);
    },
  };
  const console = { client, commands: { run } } as unknown as Console;
  await act(() => {
    page.draw(<ConsoleProvider console={console}>{panel}</ConsoleProvider>);
    return Promise.resolve();
  });
}

const links = () =>
  [...page.box.querySelectorAll('a')].map((link) => `${link.textContent} ${link.getAttribute('href')}`);

const known: KnownNode = {
  id: 'h2',
  name: 'node2',
  addresses: ['10.0.0.2'],
  port: 2222,
  user: 'root',
  cluster: '',
  addedAt: 1,
  bridge: null,
  checkedAt: 60_000,
  missing: ['dnsmasq-base'],
};
const path = (install: string) => `/add-nodes?nodes=node2&port=2222&install=${install}&step=options&cluster=john`;

test('checks: what was found, worst first and as text, its age, and how to fix it', async () => {
  const findings = [
    { id: 'cpu', level: 'ok', text: '4 CPUs', mend: '' },
    { id: 'dnsmasq', level: 'warn', text: 'dnsmasq is missing', mend: 'apt-get install dnsmasq-base' },
    { id: 'os', level: 'fail', text: 'Odd\u202eOS', mend: 'use a system with systemd' },
  ] as const;
  await draw(<ChecksPanel name="node2" known={known} now={360_000} />, { at: 60_000, findings: [...findings] });
  expect(asked).toEqual([['nodes.checks', { node: 'h2' }]]);
  const text = page.box.textContent;
  expect(text.indexOf('Odd<202e>OS')).toBeLessThan(text.indexOf('dnsmasq is missing'));
  expect(text).toContain('1 thing is well');
  expect(text).toContain('5 min ago');
  expect(links()).toEqual([`Look again ${path('no')}`, `Install what is missing ${path('yes')}`]);
});

test('checks: nothing to install, nobody looked, no login there: each says what to do', async () => {
  await draw(<ChecksPanel name="node2" known={{ ...known, missing: [] }} now={360_000} />, { at: 1, findings: [] });
  expect(links()).toEqual([`Look again ${path('no')}`]);
  await draw(<ChecksPanel name="node2" known={{ ...known, checkedAt: null, missing: [] }} now={360_000} />);
  expect([asked, links()]).toEqual([[], [`Look at it ${path('no')}`]]);
  await draw(<ChecksPanel name="node2" known={null} now={360_000} />);
  expect([asked, links()]).toEqual([[], ['Add it /add-nodes?nodes=node2&cluster=john']]);
});

function meshOf(headState: FleetNode['State']) {
  const node = (Name: string, change: Partial<FleetNode>): FleetNode => ({
    Id: Name,
    Name,
    Addresses: [],
    State: 'member',
    Head: false,
    Degree: 2,
    Cluster: 'c1',
    AsOf: 0,
    LostAt: null,
    ...change,
  });
  const nodes = [node('node1', { Head: true, State: headState }), node('node2', { State: 'absent' })];
  const cluster = { Id: 'c1', Context: 'john', Engine: 'meshd', State: 'live', AttachedTo: 'node1' } as const;
  return meshView(
    { nodes: new Map(nodes.map((each) => [each.Id, each])), links: new Map(), hosts: new Map(), bridges: new Map() },
    { ...cluster, RoundTripMs: 1, AsOf: 0, Reason: '' },
  );
}

test('log: asked of the head once somebody wants it, and shown as text', async () => {
  const mesh = meshOf('member');
  await draw(<LogPanel mesh={mesh} node={mesh.byName.get('node2')!} />);
  expect(asked).toEqual([]);
  await act(() => {
    page.box.querySelector('button')?.click();
    return Promise.resolve();
  });
  expect(asked).toEqual([[{ cluster: 'c1', node: 'node1' }, 'deploy logs node2', 45_000]]);
  expect(page.box.querySelector('pre')?.textContent).toBe('ActiveState=failed^[[2J');
});

test('log: while the head is gone it says how to read it on the node', async () => {
  const mesh = meshOf('absent');
  await draw(<LogPanel mesh={mesh} node={mesh.byName.get('node2')!} />);
  expect(page.box.textContent).toContain('journalctl -u meshd.service');
  expect(page.box.querySelector('section')?.textContent).not.toContain('Show the log');
});
