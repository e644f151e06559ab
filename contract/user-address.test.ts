import { expect, it } from 'vitest';
import { UserAddress } from './user-address.ts';

it.each(['ann@example.org', 'root@node1', 'admin@localhost', 'ops@10.0.0.5', "o'brien@example.org", 'jörg@köln.de'])(
  'takes %s',
  (text) => expect(UserAddress.safeParse(text).success).toBe(true),
);

it.each([
  'root',
  '@node1',
  'root@',
  'a@b@c',
  'a b@c',
  'a@b\n',
  'a\0@b',
  'a\x1b[2J@b',
  'Ann <a@b>',
  `${'x'.repeat(254)}@b`,
])('refuses %j', (text) => expect(UserAddress.safeParse(text).success).toBe(false));

it('says what is wanted', () => {
  expect(UserAddress.safeParse('root').error?.issues[0]?.message).toContain('such as ann@example.org or root@node1');
});
