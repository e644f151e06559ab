// Nodes that print before every program that is started over SSH: root's .bashrc on one, sshd's own rc file under another shell
// on the other. Added, deployed to and bridged as if they were silent. The tests build on each other.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isReachable, shellIn } from '../lab/bridge.ts';
import { openLab } from '../lab/lab.ts';
import { Meshdeck, statesOf } from '../lab/meshdeck.ts';
import { nodePassword } from '../lab/node.ts';
import { exitCodes } from './exit-codes.ts';

const lab = openLab({ name: 'noisy' });
const names = ['node1', 'node2'];
let deck: Meshdeck;

/** What is printed would pass for an answer: JSON, a hash, a count, several lines. */
const noise = [
  `sed -i '1i echo "{}"; echo "0 held"; . /etc/profile' /root/.bashrc; printf 'echo from profile.d\\n' >/etc/profile.d/hello.sh`,
  `chsh -s /bin/dash root; printf 'echo Welcome\\necho 0\\n' >/etc/ssh/sshrc`,
];

async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await deck.run([...args, '--run', '--json']);
  expect(code, `${stderr}${stdout.slice(-2_000)}`).toBe(exitCodes.done);
  return stdout;
}
/** Which start-up file prints, each time that a run says so. */
const namedIn = (text: string) =>
  text.split('\n').flatMap((line) => {
    if (!line.startsWith('{"event":"log"')) return [];
    const { lines } = JSON.parse(line) as { lines: { text: string }[] };
    return lines.flatMap((each) => /(\/\S+), line \d+, prints ".*" before every program/.exec(each.text)?.[1] ?? []);
  });

beforeAll(async () => {
  await lab.down();
  const results = await lab.up({ nodes: names.length });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  for (const [at, node] of names.entries()) await shellIn(lab, node, noise[at] ?? '');
  deck = await Meshdeck.create();
});
afterAll(async () => {
  await deck.remove();
  await lab.down();
});

test('they are added, and the run names the file that prints, once for each node', async () => {
  const items = await Promise.all(names.map(async (node) => `${node}=${await lab.address(node)}`));
  const { code, stdout } = await deck.run(
    ['nodes', 'add', items.join(','), '--run', '--json', '--accept-new', '--password-stdin'],
    { stdin: `${nodePassword}\n` },
  );
  expect(code, stdout.slice(-2_000)).toBe(exitCodes.done);
  expect(namedIn(stdout).sort()).toEqual(['/etc/ssh/sshrc', '/root/.bashrc']);
});

test('they become a mesh, and each answers the console and the other one', async () => {
  const stdout = await run('deploy', 'node[1-2]', '--head', 'node1', '--context', 'noisy', '--degree', '1');
  expect(Object.values(statesOf(stdout))).not.toContain('failed');
  expect(await shellIn(lab, 'node2', '/opt/meshd/bin/meshd -e mesh list all')).toContain('node[1-2]');
});

test('their NICs go into a bridge, and each is reached and has its mesh afterwards', async () => {
  const states = statesOf(await run('bridge', 'node[1-2]', '--time', 'settle=1'));
  expect(states).toEqual({ 'ensureBridge node1': 'done', 'ensureBridge node2': 'done' });
  for (const node of names) {
    expect(await isReachable(await lab.address(node))).toBe(true);
    expect(await shellIn(lab, node, 'ovs-vsctl list-ports mega_bridge')).toBe('eth0');
  }
  expect((await deck.run(['bridge', 'show', 'node[1-2]'])).stdout.match(/ safe$/gm)).toHaveLength(2);
  expect(await shellIn(lab, 'node2', '/opt/meshd/bin/meshd -e mesh list all')).toContain('node[1-2]');
});
