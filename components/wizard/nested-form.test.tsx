// @vitest-environment happy-dom
// A wizard whose form nests, as that of a VM does: a list of disks and a list of NICs. It and its kind are known to this file only.
import { SearchParamsContext } from 'next/dist/shared/lib/hooks-client-context.shared-runtime.js';
import type { ReactElement } from 'react';
import { beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import type { PlanKindFacts } from '../../core/plans/plan-kind.ts';
import { makePlan } from '../../core/plans/step.ts';
import { ConsoleClient, type SocketLike } from '../../lib/client.ts';
import { createConsole } from '../../lib/console.ts';
import { ConsoleProvider } from '../../lib/use-console.ts';
import { pageForTests } from '../page-for-tests.ts';
import { issuesOf, noSecrets, textOf } from './form-values.ts';
import { TextField } from './TextField.tsx';
import { type FieldsProps, listFields } from './wizard-fields.ts';
import type { PageProps, Wizard } from './wizard.ts';
import { WizardShell } from './WizardShell.tsx';

const launchKind: PlanKindFacts = {
  kind: 'launch-vm',
  title: 'Launch a VM',
  role: 'operator',
  page: { path: '/launch-vm', below: '/nodes' },
  offer: { hint: 'machine' },
  commands: [],
};

const Form = z.object({
  name: z.string().min(1, 'name it'),
  disks: z
    .array(z.object({ path: z.string().min(1, 'name the image'), gb: z.coerce.number().int().min(1, '1 GB at least') }))
    .max(2, 'two disks at most'),
  nics: z.array(z.object({ vlan: z.string().min(1, 'name the VLAN') })),
});
type Values = {
  readonly name: string;
  readonly disks: readonly { readonly path: string; readonly gb: string }[];
  readonly nics: readonly { readonly vlan: string }[];
};

function LaunchPage(page: PageProps<Values>): ReactElement {
  const disks = listFields(page, 'disks');
  const nics = listFields(page, 'nics');
  return (
    <>
      <TextField page={page} name="name" label="Name" />
      {disks.entries.map((disk, at) => (
        <DiskFields key={at} disk={disk} at={at} onRemove={() => disks.remove(at)} />
      ))}
      <button type="button" onClick={() => disks.add({ path: '', gb: '10' })}>
        Add a disk
      </button>
      <p role="alert">{page.issue('disks')}</p>
      {nics.entries.map((nic, at) => (
        <TextField key={at} page={nic} name="vlan" label={`VLAN of NIC ${at + 1}`} />
      ))}
    </>
  );
}

function DiskFields(props: {
  disk: FieldsProps<Values['disks'][number]>;
  at: number;
  onRemove: () => void;
}): ReactElement {
  const { disk, at, onRemove } = props;
  return (
    <>
      <TextField page={disk} name="path" label={`Image of disk ${at + 1}`} />
      <TextField page={disk} name="gb" label={`Size of disk ${at + 1}`} />
      <button type="button" onClick={onRemove}>
        Remove disk {at + 1}
      </button>
    </>
  );
}

const wizard: Wizard<Values> = {
  kind: launchKind,
  initial: { name: 'web1', disks: [{ path: 'a.qcow2', gb: '10' }], nics: [{ vlan: 'lab' }] },
  pages: [
    {
      key: 'vm',
      title: 'VM',
      fields: ['name', 'disks', 'disks[].path', 'disks[].gb', 'nics[].vlan'],
      render: (page) => <LaunchPage {...page} />,
    },
  ],
  check: (form) => issuesOf(Form, form),
  toForm: (form) => ({ ...form }),
  toSecrets: noSecrets,
  outlook: (form) => <p>{textOf(form, 'name')} will run</p>,
  planning: () => 'Planning',
};

const page = pageForTests();
/** What the server got, and what it answers to the next plan; by default a plan. */
let asked: { kind: string; form: unknown }[];
let refusal: AppError | null;

beforeEach(() => {
  asked = [];
  refusal = null;
  window.history.replaceState(null, '', '/launch-vm');
  page.draw(
    <SearchParamsContext value={new URLSearchParams()}>
      <ConsoleProvider console={createConsole(new ConsoleClient({ socket: server(), now: () => 0 }), () => 0)}>
        <WizardShell wizard={wizard} />
      </ConsoleProvider>
    </SearchParamsContext>,
  );
});

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
      if (name !== 'plans.make') return;
      const { kind, form } = input as { kind: string; form: Record<string, unknown> };
      asked.push({ kind, form: Form.parse(form) });
      const plan = makePlan(
        kind,
        { id: `p${asked.length}`, nowMs: 0 },
        { title: 'Launch web1', command: '', steps: [] },
      );
      const { code, message, detail } = refusal ?? {};
      setTimeout(() => ack(refusal ? { ok: false, error: { code, message, detail } } : { ok: true, data: plan }));
    },
  };
}

const input = (label: string) => page.field(label).querySelector('input')!;
const errorOf = (label: string) => page.field(label).textContent.replace(label, '');

test('entries are added, edited and removed, each with its own fields', () => {
  page.press('Add a disk');
  page.type('Image of disk 2', 'b.qcow2');
  page.type('Size of disk 2', '20');
  expect([input('Image of disk 1').value, input('Size of disk 2').value]).toEqual(['a.qcow2', '20']);
  page.press('Remove disk 1');
  expect(input('Image of disk 1').value).toBe('b.qcow2');
  expect(page.box.textContent).not.toContain('disk 2');
});

test('an issue stands at the field of its entry, and stays there while another entry is edited', () => {
  page.press('Add a disk');
  page.type('Size of disk 1', '0');
  page.press('Make the plan');
  expect(errorOf('Size of disk 1')).toBe('1 GB at least');
  expect(errorOf('Image of disk 2')).toBe('name the image');
  expect(asked).toEqual([]);
  page.type('Image of disk 2', 'b.qcow2');
  expect(errorOf('Image of disk 2')).toBe('');
  expect(errorOf('Size of disk 1')).toBe('1 GB at least');
});

test('an issue of the list as a whole goes once one of its entries does', () => {
  page.press('Add a disk');
  page.press('Add a disk');
  for (const at of [2, 3]) page.type(`Image of disk ${at}`, 'x');
  page.press('Make the plan');
  const alerts = () =>
    [...page.box.querySelectorAll('[role=alert]')].map(({ textContent }) => textContent).filter(Boolean);
  expect(alerts()).toEqual(['two disks at most']);
  page.press('Remove disk 3');
  expect(alerts()).toEqual([]);
});

test('the planner gets the whole form, and what it refuses stands at the field that it names', async () => {
  refusal = new AppError('invalid', 'there is no VLAN lab', { detail: { field: 'nics.0.vlan' } });
  page.press('Make the plan');
  await page.until(() => {
    expect(errorOf('VLAN of NIC 1')).toBe('there is no VLAN lab');
  });
  refusal = null;
  page.type('VLAN of NIC 1', 'lab2');
  page.press('Make the plan');
  await page.until(() => {
    expect(page.box.querySelector('h2')?.textContent).toBe('Plan');
  });
  expect(asked).toEqual([
    { kind: 'launch-vm', form: { name: 'web1', disks: [{ path: 'a.qcow2', gb: 10 }], nics: [{ vlan: 'lab' }] } },
    { kind: 'launch-vm', form: { name: 'web1', disks: [{ path: 'a.qcow2', gb: 10 }], nics: [{ vlan: 'lab2' }] } },
  ]);
  expect(page.box.querySelector('h1')?.textContent).toBe('Launch a VM');
});

test('what the planner refuses of a field that no page has is said above the form', async () => {
  refusal = new AppError('invalid', 'no node has room', { detail: { field: 'placement' } });
  page.press('Make the plan');
  await page.until(() => {
    expect(page.box.querySelector('[role=alert]')?.textContent).toContain('no node has room');
  });
});

test('what was typed is kept while one looks at the plan and comes back', async () => {
  page.type('Name', 'web2');
  page.press('Make the plan');
  await page.until(() => {
    expect(page.box.querySelector('h2')?.textContent).toBe('Plan');
  });
  page.press('Back');
  expect(input('Name').value).toBe('web2');
  page.press('To the plan');
  expect(page.box.querySelector('h2')?.textContent).toBe('Plan');
  expect(asked).toHaveLength(1);
});
