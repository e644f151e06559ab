import { expect, test } from 'vitest';
import { parseTransactionStatus } from './transaction-status.ts';

const answer = `id=r1-1
kind=ensure
state=inside-ok
nowMs=1795646390379
sinceMs=1795646390327
leftMs=14830
capLeftMs=59880
phase=watch
outageMs=87
reason=
dhcp=
check=carrier ok eth0 has its carrier
check=gateway bad 10.0.0.1 does not answer
check=weather ok of a newer script
witness=console
witness=node2
journal=1795646387832 planned begun by ada
journal=1795646390327 armed goes back in 15 s unless it is kept
`;

test('a status is read', () => {
  expect(parseTransactionStatus(answer)).toEqual({
    ok: true,
    status: {
      id: 'r1-1',
      kind: 'ensure',
      state: 'inside-ok',
      nowMs: 1795646390379,
      sinceMs: 1795646390327,
      leftMs: 14830,
      capLeftMs: 59880,
      phase: 'watch',
      outageMs: 87,
      reason: '',
      dhcp: '',
      checks: [
        { name: 'carrier', isOk: true, text: 'eth0 has its carrier' },
        { name: 'gateway', isOk: false, text: '10.0.0.1 does not answer' },
      ],
      witnesses: ['console', 'node2'],
      rebootDoubts: null,
      journal: [
        { atMs: 1795646387832, state: 'planned', text: 'begun by ada' },
        { atMs: 1795646390327, state: 'armed', text: 'goes back in 15 s unless it is kept' },
      ],
    },
  });
});

test('nothing armed is null, no doubt is an empty list, and = may stand in a value', () => {
  const result = parseTransactionStatus(
    `${answer.replace('leftMs=14830', 'leftMs=')}proved=yes\nreason=x\n`.replace('reason=\n', 'reason=a=b\n'),
  );
  expect(result.ok && result.status).toMatchObject({ leftMs: null, rebootDoubts: [], reason: 'a=b' });
});

test.each(['', 'bash: no such file', answer.replace('inside-ok', 'elsewhere'), answer.replace('nowMs=1', 'nowMs=x')])(
  'anything but a status is an issue (%#)',
  (text) => {
    expect(parseTransactionStatus(text).ok).toBe(false);
  },
);
