import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeMissing } from './missing.ts';
import { parseCommand } from './parse.ts';
import { compilePattern } from './pattern.ts';
import { commandTable } from './table.ts';

/** All patterns of minimega 3.1.0, from its own grammar. */
const minimega = readFileSync(new URL('../../lab/minimega/patterns.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n');

/** A line that fits a pattern: each literal and choice in full, some word for each value, nothing that may be left out. */
function lineOf(pattern: string): string {
  const { items } = compilePattern({ pattern, role: 'viewer', reach: 'mesh', scope: 'local', help: '' });
  const words = items.map((item) => {
    if (item.kind === 'literal') return item.text;
    if (item.kind === 'nested') return 'version';
    const isLeftOut = item.optional;
    if (item.kind === 'choice') return isLeftOut ? '' : (item.options[0] ?? '');
    return isLeftOut ? '' : '7';
  });
  return words.filter((word) => word !== '').join(' ');
}

const parse = (line: string) => parseCommand(commandTable, line, { describeMissing });
const messageOf = (line: string) => {
  const parsed = parse(line);
  return parsed.ok ? 'a command' : parsed.message;
};

describe('commands of minimega', () => {
  it('there are 456', () => {
    expect(minimega).toHaveLength(456);
  });

  it.each(minimega)('%s: meshd has it, or says what is nearest', (pattern) => {
    expect(messageOf(lineOf(pattern))).toMatch(/^a command$|^not in meshd: `.+`; nearest: ./);
  });

  it('each row is about a command that minimega has', () => {
    const leads = minimega.map((pattern) => lineOf(pattern));
    for (const words of ['vm save', 'cc', 'viz', 'dnsmasq start'])
      expect(leads.some((line) => line.startsWith(words))).toBe(true);
    expect(describeMissing(['vm', 'info'])).toBeNull();
    expect(describeMissing(['bridge', 'trunk', 'br1', 'eth1'])).toBeNull();
  });
});

describe('what is not in meshd', () => {
  it('is said inside other commands, and of what follows', () => {
    const text = 'not in meshd: `viz`; nearest: `mesh dot`';
    expect(messageOf('viz x')).toBe(text);
    expect(messageOf('namespace exp .json true viz x')).toBe(text);
    expect(messageOf('mesh send all viz x')).toBe(text);
  });

  it('is said before an abbreviation is taken for it', () => {
    expect(messageOf('vm config init /sbin/init')).toContain('not in meshd: `vm config init`');
    expect(messageOf('namespace exp vm config init')).toContain('not in meshd: `vm config init`');
    expect(messageOf('vm config ini')).toBe('a command');
  });

  it('is not said of a command that is there and was misspelt, nor of other words', () => {
    expect(messageOf('vm launch bogus a')).toBe('invalid command: `vm launch bogus a`');
    expect(messageOf('vm config bogus')).toBe('invalid command: `vm config bogus`');
    expect(messageOf('vm')).toBe('invalid command: `vm`');
    expect(messageOf('vizier')).toBe('invalid command: `vizier`');
  });
});
