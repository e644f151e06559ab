import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import type { Role } from '../../contract/roles.ts';
import { assertMayRun } from '../commands/may-run.ts';
import { parseCommand } from '../commands/parse.ts';
import { hazardOf } from './hazards.ts';
import { minimegaPatterns } from './patterns.ts';
import { minimegaTable } from './table.ts';

const recorded = readFileSync(new URL('../../lab/minimega/patterns.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n');

function parsed(line: string) {
  const result = parseCommand(minimegaTable, line);
  if (!result.ok || result.command === null) throw new Error(`${line}: ${result.ok ? 'blank' : result.message}`);
  return result.command;
}

/** The lowest role that may run a line; the text of the refusal when none may. */
function roleOf(line: string): string {
  for (const role of ['viewer', 'operator', 'admin'] as const satisfies readonly Role[]) {
    try {
      assertMayRun(minimegaTable, line, role, null);
      return role;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  }
  return 'nobody';
}

describe('the language of minimega', () => {
  it('has every pattern that its own grammar has, and no other', () => {
    expect([...minimegaPatterns].sort()).toEqual([...recorded].sort());
    expect(minimegaTable).toHaveLength(456);
  });

  it('takes abbreviations as minimega does, but for what cannot be taken back', () => {
    expect(parsed('ve').pattern.pattern).toBe('version');
    expect(parsed('vm i').pattern.pattern).toBe('vm info [summary,]');
    for (const line of ['v', 'h', 'ns q', 'bogus']) expect(parseCommand(minimegaTable, line).ok).toBe(false);
    for (const line of ['nu', 'qui', 'clear al', 'clear vlan', 'namespace x nuk']) {
      expect(parseCommand(minimegaTable, line), line).toMatchObject({
        ok: false,
        message: expect.stringMatching(/destructive/) as string,
      });
    }
    expect(parsed('nuke').pattern.pattern).toBe('nuke');
  });

  it.each([
    ['mesh status', 'viewer'],
    ['mesh send all host', 'viewer'],
    ['namespace exp vm info', 'viewer'],
    ['.columns name,state vm info', 'viewer'],
    ['vm config', 'viewer'],
    ['vm config memory', 'viewer'],
    ['vm config memory 128', 'operator'],
    ['vm launch kvm web[1-3]', 'operator'],
    ['mesh send node2 vm kill a', 'operator'],
    ['ns run vm kill a', 'operator'],
    ['ns load', 'viewer'],
    ['ns load memcommit', 'operator'],
    ['status updates', 'viewer'],
    ['status updates 1s', 'admin'],
    ['file list', 'viewer'],
    // minimega's files may lead out of its folder.
    ['file list ../..', 'operator'],
    ['bridge', 'operator'],
    ['vlans add lan 120', 'operator'],
    ['vm config qemu /tmp/x', 'admin'],
    ['vm config preinit /tmp/x', 'admin'],
    ['vm config volume /a /b', 'admin'],
    ['vm config qemu-override a b', 'admin'],
    ['vm config initrd x', 'operator'],
    ['vm config tags a b', 'operator'],
    ['mesh degree', 'viewer'],
    ['mesh degree 3', 'admin'],
    ['vm qmp a {}', 'admin'],
    ['vm screenshot a file /etc/passwd', 'admin'],
    ['shell id', 'admin'],
    ['mesh send all shell id', 'admin'],
    ['namespace exp shell id', 'admin'],
    ['read x.mm', 'admin'],
    ['plumb a b', 'admin'],
    ['deploy launch node2', 'admin'],
    ['nuke', 'admin'],
    // No command of the table: an alias, or a newer minimega's.
    ['frobnicate now', 'admin'],
  ])('%s is for %s', (line, role) => {
    expect(roleOf(line)).toBe(role);
  });
});

describe('what a minimega does not survive', () => {
  it.each([
    'mesh send node2 .filter host=zzz host',
    'mesh send node2 .columns name .filter HO~n1 vm info',
    'ns run .filter host!=node1 host',
    'namespace exp mesh send all .filter h=x host',
    'mesh send node2,node2 version',
    'mesh send node[1-3],node2 version',
    'mesh send node2 quit',
    'mesh send all nuke',
    'mesh timeout 0',
    'vm save',
    'vm snapshot',
    'ns save',
    'background-status',
    'background-output 1',
    'clear background-status',
  ])('%s', (line) => {
    expect(hazardOf(parsed(line))).toMatch(/\w/);
  });

  it.each([
    '.filter host=node2 mesh send all host',
    'mesh send node2 .filter state=running vm info',
    'mesh send node[2-3],node4 version',
    'mesh send all version',
    'mesh timeout 20',
    'mesh timeout',
    'vm save a2',
    'ns save snap1',
    'background sleep 1',
    'quit',
    'vm info',
  ])('but %s it does', (line) => {
    expect(hazardOf(parsed(line))).toBeNull();
  });
});
