// A cluster on a lab, made the way the guide's reader makes it by hand: root keys and known_hosts, the program's tree on
// the head node, meshd started there, and `deploy launch` for the rest. The demo, the lab tests and the benches share it.
import { access } from 'node:fs/promises';
import { AppError } from '../contract/errors.ts';
import type { RunResult } from '../host/runner.ts';
import type { Lab } from './lab.ts';

/** Where the tree stands on a node, and where `npm run build:agent` leaves it here. */
export const treeOnNode = '/opt/meshd';
const builtTree = new URL('../dist/meshd', import.meta.url).pathname;
const meshdPath = `${treeOnNode}/bin/meshd`;

/** The guide's "Passwordless login", by hand: a root key on the head, its public half and the host keys' pins in place. */
export async function placeRootKeys(lab: Lab, head: string, others: readonly string[]): Promise<void> {
  const script = `
    umask 077 && mkdir -p /root/.ssh
    [ -e /root/.ssh/id_ed25519 ] || ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
    cat /root/.ssh/id_ed25519.pub`;
  const { stdout: publicKey } = await lab.exec(head, ['sh', '-c', script]);
  const pins = await Promise.all(
    others.map(async (node) => {
      await lab.exec(node, ['sh', '-c', 'umask 077 && mkdir -p /root/.ssh && cat >> /root/.ssh/authorized_keys'], {
        stdin: publicKey,
      });
      const { stdout: hostKey } = await lab.exec(node, ['cat', '/etc/ssh/ssh_host_ed25519_key.pub']);
      const [type = '', key = ''] = hostKey.split(' ');
      return `${node},${await lab.address(node)} ${type} ${key}\n`;
    }),
  );
  await lab.exec(head, ['sh', '-c', 'umask 077 && cat >> /root/.ssh/known_hosts'], { stdin: pins.join('') });
}

/** Puts the built tree on a node. @throws AppError `not-found` when it was not built */
export async function installTree(lab: Lab, node: string): Promise<void> {
  try {
    await access(builtTree);
  } catch {
    throw new AppError('not-found', `${builtTree} is missing: run \`npm run build:agent\` first`);
  }
  await lab.copyIn(node, builtTree, treeOnNode);
}

/** `meshd <flags> &` on a node, as typed in a shell, and waits until it answers. */
export async function startMeshd(lab: Lab, node: string, flags: readonly string[]): Promise<void> {
  const script = 'setsid "$@" >>/var/log/meshd.log 2>&1 </dev/null &';
  await lab.exec(node, ['sh', '-c', script, 'sh', meshdPath, ...flags]);
  const endAt = performance.now() + 20_000;
  for (;;) {
    try {
      await runMeshd(lab, node, ['version']);
      return;
    } catch (error) {
      if (performance.now() > endAt) {
        const { stdout: log } = await lab.exec(node, ['tail', '-n', '20', '/var/log/meshd.log']);
        throw new AppError('failed', `meshd on ${node} does not answer; its log ends:\n${log}`, { cause: error });
      }
    }
  }
}

/** `meshd -e <words>` on a node. @throws CommandError when it exits non-zero */
export function runMeshd(
  lab: Lab,
  node: string,
  words: readonly string[],
  options: { timeoutMs?: number; onOutput?: (text: string) => void } = {},
): Promise<RunResult> {
  return lab.exec(node, [meshdPath, '-e', ...words], { timeoutMs: 60_000, ...options });
}
