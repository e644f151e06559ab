import { expect, test } from 'vitest';
import { filterRows } from '../../core/transform.ts';
import { filterColumns, hasCondition, parseVmFilter, toggleCondition } from './vm-filter.ts';
import { vmLine } from './vm-line.ts';
import { someTap, someVm } from './vms-for-tests.ts';

const web = vmLine(
  someVm('web1', { Vlans: [101, -1], Aliases: ['lan', ''], Macs: ['00:a', '00:b'], Tags: ['env=prod', 'odd'] }),
  'node2',
  [someTap('mega_tap0', { Ip4: '10.0.0.7' })],
);
const db = vmLine(
  someVm('db1', {
    Id: 2,
    State: 'PAUSED',
    Reason: 'no space left',
    Namespace: 'minimega',
    Vlans: [250],
    Aliases: [''],
  }),
  'node1',
  [],
);
const found = (text: string) => {
  const filter = parseVmFilter(text);
  return filter.ok ? [web, db].filter((line) => filter.fits(line)).map(({ vm }) => vm.Name) : filter.message;
};

test.each([
  ['', ['web1', 'db1']],
  ['name=web1', ['web1']],
  ['NAME=WEB1', ['web1']],
  ['state!=running', ['db1']],
  ['node=node2', ['web1']],
  ['host=node1', ['db1']],
  // Lists match by what they contain, as in minimega.
  ['vlan=lan', ['web1']],
  ['vlan=250', ['db1']],
  ['vlan=disconnected', ['web1']],
  ['vlan!=101', ['db1']],
  ['ip=10.0.0', ['web1']],
  ['tags~prod', ['web1']],
  ['memory=512', ['web1', 'db1']],
  ['memory=512 name!~web', ['db1']],
  // Words are looked for everywhere, and all of them.
  ['space', ['db1']],
  ['node2 lan', ['web1']],
  ['node2 space', []],
  ['10.0.0.7 state=running', ['web1']],
  ['name="web1"', ['web1']],
])('%j finds %j', (text, names) => {
  expect(found(text)).toEqual(names);
});

test.each([
  ['colour=red', /^no such column `colour`: the columns are id, name, state/],
  ['n=web', /^no such column `n`: the columns are id, name, state/],
  ['name=a=b', /^`name=a=b`: one of =, !=, ~/],
  ['"web', 'missing terminal "'],
])('%j says what is wrong', (text, message) => {
  expect(found(text)).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
});

test('a condition of the page means what the same one means to `.filter`', () => {
  const header = filterColumns.filter((column) => column !== 'host');
  const row = header.map((column) =>
    column === 'vlan' ? '[lan (101), disconnected]' : column === 'name' ? 'web1' : '',
  );
  const entry = { Host: 'node2', Response: '', Header: header, Tabular: [row], Error: '', Data: null };
  for (const condition of ['vlan=lan', 'vlan=10', 'vlan!=101', 'vlan~dis', 'vlan!~dis', 'name=web', 'name~web']) {
    const kept = filterRows([entry], condition)[0]?.Tabular?.length === 1;
    const filter = parseVmFilter(condition);
    expect([condition, filter.ok && filter.fits(web)]).toEqual([condition, kept]);
  }
});

test('a condition is put in place of another on its column, and taken out again; the rest stays as typed', () => {
  expect(toggleCondition('web  "a b" state=quit', 'state=RUNNING')).toBe('web "a b" state=RUNNING');
  expect(toggleCondition('web STATE=running', 'state=RUNNING')).toBe('web');
  expect(toggleCondition('', 'node=node1')).toBe('node=node1');
  expect([hasCondition('state=running x', 'state=RUNNING'), hasCondition('state!=running', 'state=RUNNING')]).toEqual([
    true,
    false,
  ]);
});
