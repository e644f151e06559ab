import { expect, test } from 'vitest';
import { describeAlias, parseAlias, parseVlan, parseVlanOrAlias } from './names.ts';

test.each([
  ['abc', 'expected integer VLAN'],
  ['', 'expected integer VLAN'],
  ['1.5', 'expected integer VLAN'],
  ['0x10', 'expected integer VLAN'],
  ['0', 'invalid VLAN (0 < vlan < 4095)'],
  ['-1', 'invalid VLAN (0 < vlan < 4095)'],
  ['4095', 'invalid VLAN (0 < vlan < 4095)'],
  ['5000', 'invalid VLAN (0 < vlan < 4095)'],
  ['99999999999999999999', 'invalid VLAN (0 < vlan < 4095)'],
])('%j is refused as a number: %s', (text, message) => {
  expect(parseVlan(text)).toEqual({ ok: false, message });
});

test.each([
  ['1', 1],
  ['100', 100],
  ['4094', 4094],
  ['+7', 7],
])('%j is VLAN %i', (text, value) => {
  expect(parseVlan(text)).toEqual({ ok: true, value });
});

test('an alias is of the active namespace unless it names another', () => {
  expect(parseAlias('lan', 'minimega')).toEqual({ ok: true, value: { namespace: 'minimega', alias: 'lan' } });
  expect(parseAlias('exp1//lan', 'minimega')).toEqual({ ok: true, value: { namespace: 'exp1', alias: 'lan' } });
  expect(parseAlias('zz:zz', 'exp1')).toEqual({ ok: true, value: { namespace: 'exp1', alias: 'zz:zz' } });
});

test.each(['a b', 'a,b', 'a\tb', 'a\u202eb', 'a//b//c', '300', '-5', 'x'.repeat(65)])(
  'the alias %j is refused, and the error says what an alias is',
  (text) => {
    expect(parseAlias(text, 'minimega')).toMatchObject({
      ok: false,
      message: expect.stringContaining('invalid') as string,
    });
  },
);

test.each(['../x//lan', 'all//lan', '//lan', `${'n'.repeat(65)}//lan`])('no namespace: %j', (text) => {
  expect(parseAlias(text, 'minimega')).toMatchObject({
    ok: false,
    message: expect.stringContaining('invalid namespace name') as string,
  });
});

test.each(['', 'exp1//'])('%j is minimega’s empty VLAN', (text) => {
  expect(parseAlias(text, 'minimega')).toEqual({ ok: false, message: 'VLAN must be non-empty string' });
});

test('what an interface names is a number, when it is one, and else an alias', () => {
  expect(parseVlanOrAlias('300', 'exp1')).toEqual({ ok: true, value: 300 });
  expect(parseVlanOrAlias('lan300', 'exp1')).toEqual({ ok: true, value: { namespace: 'exp1', alias: 'lan300' } });
  expect(parseVlanOrAlias('4095', 'exp1')).toMatchObject({ ok: false });
});

test('an alias of another namespace is shown with it', () => {
  expect(describeAlias({ namespace: 'exp1', alias: 'lan' }, 'exp1')).toBe('lan');
  expect(describeAlias({ namespace: 'exp1', alias: 'lan' }, 'minimega')).toBe('exp1//lan');
});
