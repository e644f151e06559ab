import { describe, expect, it } from 'vitest';
import { assertAllowed } from './authorise.ts';
import { assertMayRun } from './may-run.ts';
import { parseCommand } from './parse.ts';
import { compilePattern, type CompiledPattern } from './pattern.ts';
import { commandTable } from './table.ts';
import type { CommandPattern, ParsedCommand } from './types.ts';

function parse(line: string, table: readonly CompiledPattern[] = commandTable): ParsedCommand {
  const result = parseCommand(table, line);
  if (!result.ok || !result.command) throw new Error(result.ok ? `blank: ${line}` : result.message);
  return result.command;
}

/** Lines of a pattern: with its optional part left out, and with it. */
function examples({ items }: CompiledPattern): { bare: string; given: string } {
  const words: string[] = [];
  const optional: string[] = [];
  for (const item of items) {
    if (item.kind === 'literal') words.push(item.text);
    else if (item.kind === 'nested') words.push('version');
    else if (item.kind === 'choice') (item.optional ? optional : words).push(item.options[0] ?? '');
    else (item.optional ? optional : words).push('value');
  }
  return { bare: words.join(' '), given: [...words, ...optional].join(' ') };
}

describe('a member of the mesh', () => {
  const wraps = [
    (line: string) => line,
    (line: string) => `namespace x ${line}`,
    (line: string) => `.annotate false ${line}`,
    (line: string) => `.columns a ${line}`,
    (line: string) => `.filter a=b ${line}`,
    (line: string) => `namespace x .record false ${line}`,
  ];
  const socketOnly = commandTable.filter(({ pattern }) => pattern.reach === 'socket');

  it.each(socketOnly.map((compiled) => [compiled.pattern.pattern, compiled] as const))(
    'never runs %s',
    (_, compiled) => {
      const { bare, given } = examples(compiled);
      for (const line of [bare, given]) {
        for (const wrap of wraps) {
          const refused = () => {
            assertAllowed(parse(wrap(line)), { via: 'mesh', role: 'admin' });
          };
          expect(refused, wrap(line)).toThrow(/^cannot run `.*` via meshage/);
        }
        // Sent on by the operator of another node: refused there before it leaves, also two levels deep.
        for (const outer of [
          `mesh send all ${line}`,
          `mesh send all namespace x ${line}`,
          `mesh send all mesh send all ${line}`,
        ]) {
          expect(() => {
            assertAllowed(parse(outer), { via: 'socket', role: 'admin' });
          }, outer).toThrow(/^cannot run `.*` via meshage/);
        }
      }
    },
  );

  it('runs what has the reach mesh', () => {
    for (const compiled of commandTable.filter(({ pattern }) => pattern.reach === 'mesh')) {
      const { bare, given } = examples(compiled);
      const run = (line: string) => {
        assertAllowed(parse(line), { via: 'mesh', role: 'admin' });
      };
      run(bare);
      if (compiled.pattern.whenGiven?.reach !== 'socket') run(given);
      else expect(() => run(given), given).toThrow(/^cannot run `.*` via meshage/);
    }
  });

  it('gets nothing that names a path on the host, holds the CA, deploys, reads scripts or ends the daemon', () => {
    // What members take from each other by streams in any case, they may also list, and have fetched (SPEC.md, section C).
    const shared = ['file <list,>', 'file <list,> <path> [recursive,]', 'file <get,> <file>', 'file <status,>'];
    // Images of the cluster, which the VM's host fetches if need be; a guest only reads them.
    const images = /^vm (hotplug <add,>|cdrom <change,>)/;
    // New files alone, or those in the folder `saved`: no image is replaced.
    const saves = /^vm (save|migrate|snapshot)\b/;
    // The VM's host writes it, below its -filepath, and never over a file that is not a capture.
    const captures = /^capture <(pcap|netflow),> /;
    for (const { pattern } of commandTable) {
      if (captures.test(pattern.pattern)) continue;
      if (shared.includes(pattern.pattern) || images.test(pattern.pattern) || saves.test(pattern.pattern)) continue;
      if (pattern.pattern === 'disk info <image> [recursive,]') continue;
      if (/^(deploy|read|disk|quit|mesh (dot|revoke|ca)|clear deploy)\b|path|file/.test(pattern.pattern)) {
        expect(pattern.reach, pattern.pattern).toBe('socket');
      }
    }
  });

  it('lists and fetches files, and deletes none', () => {
    const reach = (line: string) => parse(line).pattern.reach;
    expect(['file list', 'file list images', 'file get web.qcow2', 'file status'].map(reach)).toEqual(
      Array.from({ length: 4 }, () => 'mesh'),
    );
    expect(reach('file delete web.qcow2')).toBe('socket');
  });
});

describe('roles', () => {
  const run = (line: string, role: 'viewer' | 'operator' | 'admin') => () => {
    assertAllowed(parse(line), { via: 'socket', role });
  };

  it('viewers look', () => {
    for (const line of [
      'mesh status',
      'mesh list',
      'host',
      'bridge',
      'mesh degree',
      'mesh send all host',
      '.json true host',
    ]) {
      expect(run(line, 'viewer'), line).not.toThrow();
    }
    for (const line of [
      'mesh degree 3',
      'deploy launch n1',
      'quit',
      'mesh send all mesh degree 3',
      'namespace x mesh dial n1',
      // Mentioning a name creates its namespace: 1,000 of them, and there is no room for experiments.
      'namespace x host',
      'mesh send all .json true namespace x host',
      'history',
    ]) {
      expect(run(line, 'viewer'), line).toThrow(/needs the role/);
    }
  });

  it('viewers read no variable, however it is quoted and nested', () => {
    for (const line of [
      'echo $SECRET',
      'echo $"SECRET"',
      `echo "$"SECRET`,
      `echo '$'"SEC"RET`,
      'echo "$"{SECRET}',
      'echo $"{"SECRET}',
      'mesh send all echo $"SECRET"',
      '.json true .filter a=$"SECRET" host',
      '.columns $"SECRET" host',
      'mesh send $"SECRET" host',
      'help $"SECRET"',
    ]) {
      expect(() => assertMayRun(commandTable, line, 'viewer'), line).toThrow(
        'variables ($NAME) need the role operator',
      );
      expect(() => assertMayRun(commandTable, line, 'operator'), line).not.toThrow();
    }
    // A comment is not a word, and a price is not a variable.
    expect(assertMayRun(commandTable, 'echo $5 # $SECRET', 'viewer')).not.toBeNull();
  });

  it('operators act, and do not change the cluster', () => {
    expect(run('mesh timeout 5', 'operator')).not.toThrow();
    expect(run('clear namespace x', 'operator')).not.toThrow();
    expect(run('.json true namespace x host', 'operator')).not.toThrow();
    for (const line of [
      'mesh degree 3',
      'deploy launch n1',
      'deploy flags -degree=3',
      'quit',
      'read x',
      'bridge trunk br1 eth1',
      'bridge destroy br1',
      '.alias a=b',
      '.env a b',
    ]) {
      expect(run(line, 'operator'), line).toThrow(/needs the role admin/);
    }
  });

  it('a pattern may ask for more when its value is given', () => {
    const pattern: CommandPattern = {
      pattern: 'log file [path]',
      role: 'viewer',
      reach: 'mesh',
      scope: 'local',
      help: '',
      whenGiven: { reach: 'socket' },
    };
    const table = [compilePattern(pattern)];
    assertAllowed(parse('log file', table), { via: 'mesh', role: 'viewer' });
    expect(() => {
      assertAllowed(parse('log file /x', table), { via: 'mesh', role: 'admin' });
    }).toThrow(/via meshage/);
  });
});
