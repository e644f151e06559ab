import { expect, test } from 'vitest';
import { LaunchForm } from '../../core/plans/vms/form.ts';
import { countNames, namesIn, previewNames } from './count-names.ts';
import { issuesIn, noValues, templateOf, toForm, type LaunchValues } from './launch-values.ts';
import { loadTemplates, saveTemplates } from './templates.ts';

const values: LaunchValues = {
  ...noValues,
  namespace: 'lab',
  names: 'web[1-16]',
  disks: ['web.qcow2'],
  networks: ['lan', '100'],
  vlans: { lan: ' 200 ', gone: '300' },
  tags: 'role=web, os=debian',
};

test('what was typed is what the planner takes', () => {
  expect(issuesIn(values)).toEqual([]);
  expect(LaunchForm.parse(toForm(values))).toMatchObject({
    names: 'web[1-16]',
    memory: 1_024,
    disks: ['web.qcow2'],
    vlans: { lan: 200 },
    tags: { role: 'web', os: 'debian' },
    append: '',
  });
});

test('files of another way to boot stay in the form and go nowhere', () => {
  const kernel = { ...values, boot: 'kernel' as const, kernel: 'vmlinuz', cdrom: 'cd.iso' };
  expect(toForm(kernel)).toMatchObject({ disks: [], kernel: 'vmlinuz', append: 'console=ttyS0', cdrom: '' });
  expect(issuesIn({ ...values, boot: 'cdrom' })).toEqual([
    { field: 'cdrom', message: 'choose what the VMs boot from: a disk image, a kernel or a CD' },
  ]);
});

test.each([
  [{ memory: '' }, 'memory'],
  [{ vcpus: '0' }, 'vcpus'],
  [{ names: '' }, 'names'],
  [{ names: '0' }, 'names'],
  [{ namespace: 'minimega' }, 'namespace'],
  [{ networks: ['lan', '4095'] }, 'networks.1'],
  [{ vlans: { lan: '0' } }, 'vlans.lan'],
  [{ tags: '=x' }, 'tags'],
  [{ disks: [] }, 'disks'],
])('%j is an issue at %s', (change, field) => {
  expect(issuesIn({ ...values, ...change }).map((issue) => issue.field)).toContain(field);
});

test('names are counted and shown while they are typed', () => {
  expect([countNames('web[1-16]'), countNames('web'), countNames('web[1-')]).toEqual(['16 VMs', '1 VM', '0 VMs']);
  expect(namesIn('0')).toEqual([]);
  expect(previewNames(' 1 ')).toBe('1 VM: vm1');
  expect(previewNames('16')).toBe('16 VMs: vm1, vm2 … vm16');
  expect(previewNames('web[08-11]')).toBe('4 VMs: web08, web09, web10, web11');
  expect(previewNames('a,web[1-5000]')).toBe('5001 VMs: a, web1 … web5000');
  expect(previewNames('')).toBe('');
});

test('templates are kept without what is of one launch alone, and what cannot be read is left out', () => {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  expect(loadTemplates(storage)).toEqual(new Map());
  saveTemplates(new Map([['small', templateOf(values)]]), storage);
  const [template] = loadTemplates(storage).values();
  expect(template).toEqual(templateOf(values));
  expect(template).not.toHaveProperty('names');
  const [key = ''] = kept.keys();
  kept.set(key, JSON.stringify({ old: { memory: 7, disks: ['a', 3], place: 'fill', more: true } }));
  expect(loadTemplates(storage).get('old')).toEqual({ ...templateOf(noValues), place: 'fill' });
  kept.set(key, 'not json');
  expect(loadTemplates(storage)).toEqual(new Map());
});

test('the name of a VLAN that is typed and not added is not lost silently', () => {
  const form = { ...values, newLan: 'dmz ' };
  expect(issuesIn(form)).toContainEqual({ field: 'newLan', message: 'Add it, or empty this field' });
  expect(toForm(form)).not.toHaveProperty('newLan');
  expect(templateOf(form)).not.toHaveProperty('newLan');
});
