import { describe, expect, test } from 'vitest';
import { deployFlags, describeFlags, parseFlags, statePathOf, type Flags } from './flags.ts';

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

  test('the usage names every flag of the guide', () => {
    for (const name of ['degree', 'context', 'nostdin', 'attach']) expect(describeFlags()).toContain(`  -${name}`);
  });
});
