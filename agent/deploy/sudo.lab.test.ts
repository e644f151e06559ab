// deploy on stock Debian, as the guide's reader finds it: no root login, a user with sudo.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CommandError } from '../../host/runner.ts';
import { installTree, placeRootKeys, runMeshd, startMeshd } from '../../lab/cluster.ts';
import { openLab } from '../../lab/lab.ts';
import { sudoUser } from '../../lab/node.ts';

const lab = openLab({ name: 'deploysudo' });

beforeAll(async () => {
  await lab.down();
  const results = await lab.up({ nodes: 2, login: 'sudo' });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  await placeRootKeys(lab, 'node1', ['node2']);
  await lab.exec('node2', ['sh', '-c', 'mv /root/.ssh "/home/$1/" && chown -R "$1" "/home/$1/.ssh"', 'sh', sudoUser]);
  await installTree(lab, 'node1');
  await startMeshd(lab, 'node1', ['-degree', '1', '-context', 'john', '-nostdin']);
});
afterAll(async () => {
  await lab.down();
});

/** The errors of a launch that fails. */
async function failedLaunch(...words: string[]): Promise<string> {
  try {
    await runMeshd(lab, 'node1', ['deploy', 'launch', 'node2', ...words]);
  } catch (error) {
    if (error instanceof CommandError) return error.stderr;
    throw error;
  }
  throw new Error('it did not fail');
}

test('each login that does not work says what is missing', async () => {
  expect(await failedLaunch()).toMatch(/login: no key of root@node1 is accepted by root@node2.*Passwordless login/);
  expect(await failedLaunch(sudoUser)).toContain(
    `login: ${sudoUser} is not root on node2: deploy launch node2 ${sudoUser} sudo`,
  );
  expect(await failedLaunch(sudoUser, 'sudo')).toMatch(/login: debian cannot use sudo on node2 without a password/);
});

test('with sudo that asks for no password the node joins, and its journal is read the same way', async () => {
  const rule = `${sudoUser} ALL=(ALL) NOPASSWD: ALL\n`;
  await lab.exec('node2', ['sh', '-c', 'cat > /etc/sudoers.d/meshd'], { stdin: rule });
  await runMeshd(lab, 'node1', ['deploy', 'launch', 'node2', sudoUser, 'sudo']);
  const { stdout } = await runMeshd(lab, 'node1', ['mesh', 'list', 'all']);
  expect(stdout).toContain('node[1-2]');
  expect((await runMeshd(lab, 'node1', ['deploy', 'logs', 'node2'])).stdout).toContain('Started meshd.service');
});
