import { expect, it } from 'vitest';
import { describeFindings, isCommand } from './findings.ts';
import { findingsOf } from './step-findings.ts';

const finding = (id: string, level: 'ok' | 'warn' | 'fail') => ({ id, level, text: id, mend: '' });

it('puts the worst first and counts what needs a person', () => {
  const findings = findingsOf({
    facts: {},
    findings: [finding('cpu', 'ok'), finding('kvm', 'warn'), finding('os', 'fail')],
  });
  expect(findings.map(({ id }) => id)).toEqual(['os', 'kvm', 'cpu']);
  expect(describeFindings(findings)).toBe('1 to fix, 1 to know');
  expect(describeFindings([finding('cpu', 'ok')])).toBe('');
});

it('takes a result of another shape for none', () => {
  expect(findingsOf({})).toEqual([]);
  expect(findingsOf({ findings: [{ id: 1 }] })).toEqual([]);
});

it('tells commands from advice', () => {
  expect(
    ['apt-get install dnsmasq-base', 'switch VT-x on', 'modprobe a || modprobe b; if not …'].map(isCommand),
  ).toEqual([true, false, false]);
});
