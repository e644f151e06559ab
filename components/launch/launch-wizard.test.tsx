// @vitest-environment happy-dom
// The launch wizard over a small cluster: what was typed is kept over its steps, and what the planner gets and refuses.
import { SearchParamsContext } from 'next/dist/shared/lib/hooks-client-context.shared-runtime.js';
import { act } from 'react';
import { beforeEach, expect, test } from 'vitest';
import type { FleetSnapshot } from '../../contract/fleet.ts';
import { LaunchForm } from '../../core/plans/vms/form.ts';
import { ConsoleClient, type SocketLike } from '../../lib/client.ts';
import { createConsole } from '../../lib/console.ts';
import { ConsoleProvider } from '../../lib/use-console.ts';
import { pageForTests } from '../page-for-tests.ts';
import { LaunchWizard } from './LaunchWizard.tsx';
import { testFile, testHost, testNode, testVlan, testVm } from './rows-for-tests.ts';

const put = (...rows: object[]) => ({ put: rows as Record<string, unknown>[], gone: [] });
const snapshot: FleetSnapshot = {
  Revision: 1,
  Now: 0,
  Kinds: {
    clusters: put({
      ...{ Id: 'c', Context: 'lab', Engine: 'meshd', State: 'live', AttachedTo: 'node1', RoundTripMs: 1 },
      ...{ AsOf: 0, Reason: '' },
    }),
    nodes: put(testNode('node1'), testNode('node2')),
    hosts: put(testHost('node1'), testHost('node2')),
    files: put(
      testFile('web.qcow2', 'node1'),
      testFile('db.qcow2', 'node1'),
      testFile('vmlinuz', 'node2', { Format: 'kernel' }),
    ),
    vlans: put(testVlan('lan', 101)),
    vms: put(testVm('web1', 'node2', { Vlans: [101], Aliases: ['lan'] })),
  },
  Events: [],
};

const page = pageForTests();
let asked: LaunchForm[];
const refusal = { code: 'invalid', message: 'VLAN 300 is blacklisted', detail: { field: 'vlans.dmz' } };

function server(): SocketLike {
  return {
    connected: true,
    active: true,
    connect: () => undefined,
    disconnect: () => undefined,
    on: (name, listener) => {
      if (name === 'connect') listener();
    },
    emit: (name, input, ack) => {
      if (name === 'fleet.subscribe') ack({ ok: true, data: snapshot });
      if (name !== 'plans.make') return;
      asked.push(LaunchForm.parse((input as { form: unknown }).form));
      setTimeout(() => {
        ack({ ok: false, error: refusal });
      });
    },
  };
}

beforeEach(async () => {
  asked = [];
  window.localStorage.clear();
  window.history.replaceState(null, '', '/launch');
  page.draw(
    <SearchParamsContext value={new URLSearchParams()}>
      <ConsoleProvider console={createConsole(new ConsoleClient({ socket: server(), now: () => 0 }), () => 0)}>
        <LaunchWizard />
      </ConsoleProvider>
    </SearchParamsContext>,
  );
  await page.until(() => {
    expect(title()).toBe('What');
  });
});

const title = () => page.box.querySelector('h2')?.textContent;
const input = (label: string) => page.field(label).querySelector('input')?.value;
const alerts = () =>
  [...page.box.querySelectorAll('[role=alert]')].map(({ textContent }) => textContent).filter((text) => text !== '');
const pressRole = (role: string, text: RegExp) => {
  act(() => {
    const found = [...page.box.querySelectorAll<HTMLElement>(`[role=${role}]`)].find((each) =>
      text.test(each.textContent),
    );
    if (!found) throw new Error(`no ${role} ${text.source}`);
    found.click();
  });
};

test('images are those that do for a disk; the first step says what is missing', () => {
  const choices = [...page.box.querySelectorAll('[role=group] [role=checkbox]')].map((each) => each.textContent);
  expect(choices).toEqual([
    expect.stringMatching(/^db\.qcow2on node1qcow2/),
    expect.stringMatching(/^web\.qcow2on node1qcow2/),
  ]);
  page.press('Next');
  expect(title()).toBe('What');
  expect(page.field('Namespace').textContent).toContain('name a namespace');
  expect(alerts()).toContain('choose what the VMs boot from: a disk image, a kernel or a CD');
});

test('all that was typed is there when one goes back, and a refusal stands where it belongs', async () => {
  page.type('Namespace', 'lab');
  pressRole('checkbox', /^web\.qcow2/);
  page.press('Next');
  expect(title()).toBe('Network');
  page.press('lan1011 VM');
  page.type('Name, or the number of a VLAN', 'dmz');
  page.type('Number', '4095');
  expect(page.field('Number').textContent).toContain('a VLAN has a number from 1 to 4094');
  page.type('Number', '101');
  expect(page.field('Number').textContent).toContain('taken by');
  page.type('Number', '300');
  page.press('Add');
  page.press('Next');
  page.type('Names', 'web[1-4]');
  await page.until(() => {
    expect(page.field('Names').textContent).toContain('web1 is there already');
  });
  page.type('Names', 'db[1-4]');
  page.type('Nodes', 'node[1-2]');
  await page.until(() => {
    expect(page.box.textContent).toContain('4 VMs, 2 on each of node[1-2], on VLANs lan (101) and dmz (300)');
  });

  page.press('Back');
  page.press('Back');
  expect([title(), input('Namespace')]).toEqual(['What', 'lab']);
  page.press('Next');
  expect(page.box.textContent).toContain('dmz (new, 300)');
  page.press('Next');
  expect(input('Names')).toBe('db[1-4]');

  page.press('Make the plan');
  await page.until(() => {
    expect(title()).toBe('Network');
  });
  expect(asked).toMatchObject([
    { namespace: 'lab', names: 'db[1-4]', disks: ['web.qcow2'], networks: ['lan', 'dmz'], vlans: { dmz: 300 } },
  ]);
  expect(alerts().join()).toContain('VLAN 300 is blacklisted');
});

test('a launch is kept as a template of this browser', async () => {
  page.type('Namespace', 'lab');
  pressRole('checkbox', /^web\.qcow2/);
  page.type('Memory, in MB', '512');
  page.press('Save as…');
  act(() => {
    const field = page.box.querySelector<HTMLInputElement>('[aria-label="Name of the template"]');
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set?.call(field, 'small web');
    field?.dispatchEvent(new Event('input', { bubbles: true }));
  });
  page.press('Save');
  await page.until(() => {
    expect(page.box.textContent).toContain('Saved as small web.');
  });
  expect(window.localStorage.getItem('meshdeck.launch-templates')).toContain('"512"');
});
