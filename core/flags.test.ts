import { describe, expect, test } from 'vitest';
import { deployFlags, describeFlags, flagTable, inertFlags, parseFlags, statePathOf, type Flags } from './flags.ts';

function parsed(...argv: string[]): { flags: Flags; rest: readonly string[] } {
  const result = parseFlags(argv);
  if (!result.ok) throw new Error(result.message);
  return result;
}

describe('flags', () => {
  test('the guide: -degree 3 -context john -nostdin', () => {
    const { flags, rest } = parsed('-degree', '3', '-context', 'john', '-nostdin');
    expect(flags).toMatchObject({ degree: 3, context: 'john', nostdin: true, port: 9000, base: '/run/meshd' });
    expect(rest).toEqual([]);
  });

  test('= and -- spellings; what follows -e is the command, dashes too', () => {
    const { flags, rest } = parsed('--base=/tmp/x', '-namespace=foo', '-e', 'echo', '-degree', '5');
    expect(flags).toMatchObject({ base: '/tmp/x', namespace: 'foo', e: true, degree: 0 });
    expect(rest).toEqual(['echo', '-degree', '5']);
  });

  test.each([
    [['-degre', '3'], 'unknown flag -degre'],
    [['-degree'], 'needs a value'],
    [['-degree', 'three'], 'a number, not three'],
    [['-degree', '-1'], 'a number, not -1'],
    [['-degree', '1024'], '0 to 1023'],
    [['-port', '70000'], '1 to 65535'],
    [['-nostdin=maybe'], 'true or false'],
    [['-context', 'a:b'], 'letters, digits'],
    [['-base', 'relative'], 'absolute path'],
    [['-base', '/run/my meshd'], 'absolute path of letters'],
    [['-base', '/run/$x'], 'absolute path of letters'],
    [['-base', '/run/../run/meshd'], 'without . and ..'],
    [['-base', '/'], 'absolute path'],
    [['-vlanrange', '200-100'], 'min < max'],
    [['-level', 'loud'], 'debug, info'],
  ])('%j is refused: %s', (argv, message) => {
    const result = parseFlags(argv);
    expect(result.ok ? '' : result.message).toContain(message);
  });

  test('a slash at the end of the base does not count: otherwise the state would be on a disk in memory', () => {
    expect(statePathOf(parsed('-base', '/run/meshd/').flags.base)).toBe('/var/lib/meshd');
    expect(statePathOf(parsed('-base=/srv/a.b//').flags.base)).toBe('/srv/a.b/state');
  });

  test('what deploy hands on parses back to the same daemon', () => {
    const { flags } = parsed('-degree', '3', '-context', 'john');
    const handed = deployFlags(flags, 'node1');
    expect(handed[0]).toBe('-headnode=node1');
    expect(handed.slice(1)).toEqual([...handed.slice(1)].sort());
    expect(parsed(...handed).flags).toEqual({ ...flags, headnode: 'node1', nostdin: true });
  });

  test("minimega's flags without effect are taken, said, and not handed on", () => {
    const argv = [
      '-broadcast=10.0.0.255',
      '-hashfiles',
      '-abssnapshot',
      '-cgroup',
      '/cg',
      '-panic',
      '-v=false',
      '-verbose',
    ];
    const { flags } = parsed(...argv);
    expect(inertFlags(flags).map((text) => text.split(' ')[0])).toEqual([
      '-abssnapshot',
      '-broadcast',
      '-cgroup',
      '-hashfiles',
      '-panic',
    ]);
    expect(inertFlags(parsed().flags)).toEqual([]);
    const handed = deployFlags(flags, 'node1');
    expect(handed).toContain('-v=false');
    expect(
      handed.filter((text) => /^-(broadcast|hashfiles|abssnapshot|cgroup|panic|verbose|cli|pipe)\b/.test(text)),
    ).toEqual([]);
  });

  test("what minimega's deploy hands on is taken", () => {
    const theirs =
      '-headnode=node1 -abssnapshot=false -attach=false -base=/tmp/minimega -broadcast=255.255.255.255 -cgroup=/sys/fs/cgroup -cli=false -context=john -degree=2 -e=false -filepath=/tmp/minimega/files -force=false -hashfiles=false -level=error -logfile= -msa=10 -namespace= -nostdin=true -panic=false -pipe= -port=9000 -recover=false -v=true -verbose=true -version=false -vlanrange=101-4096';
    expect(parsed(...theirs.split(' ')).rest).toEqual([]);
  });

  test('`args` has the columns of minimega', () => {
    const { names, values } = flagTable(parsed('-degree', '3').flags);
    expect(names.join(' ')).toBe(
      'abssnapshot attach base broadcast cgroup cli context degree e filepath force hashfiles headnode level logfile msa namespace nostdin panic pipe port recover v verbose version vlanrange',
    );
    expect(values[names.indexOf('degree')]).toBe('3');
    expect(values[names.indexOf('broadcast')]).toBe('255.255.255.255');
  });

  test('the usage names every flag of the guide', () => {
    for (const name of ['degree', 'context', 'nostdin', 'attach']) expect(describeFlags()).toContain(`  -${name}`);
  });
});
