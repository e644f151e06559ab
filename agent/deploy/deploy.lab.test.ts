// deploy on real nodes: four of them, node1 the head. The tests build on each other from top to bottom, as a cluster's life does.
import { createHash, X509Certificate } from 'node:crypto';
import { cp, mkdtemp, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommandError } from '../../host/runner.ts';
import { installTree, placeRootKeys, runMeshd, startMeshd, treeOnNode } from '../../lab/cluster.ts';
import { openLab } from '../../lab/lab.ts';
import { packedNames } from '../../host/tree/packed.ts';
import { identityFromCertificate, issueNodeCertificate } from '../identity/certificates.ts';

const lab = openLab({ name: 'deploytest' });
const head = 'node1';
const builtTree = new URL('../../dist/meshd', import.meta.url).pathname;
const headFlags = ['-degree', '2', '-context', 'john', '-nostdin'];

const sh = async (node: string, script: string, ...args: string[]) =>
  (await lab.exec(node, ['sh', '-c', script, 'sh', ...args])).stdout.trim();
const mainPid = (node: string) => sh(node, 'systemctl show -P MainPID meshd');
const deploy = (range: string) => meshd(head, 'deploy', 'launch', range);

/** Runs `meshd -e` on a node; a failed command also counts as an answer. */
async function meshd(node: string, ...words: string[]): Promise<{ stdout: string; stderr: string; exitCode: number }> {
  try {
    const { stdout, stderr } = await runMeshd(lab, node, words, { timeoutMs: 120_000 });
    return { stdout, stderr, exitCode: 0 };
  } catch (error) {
    if (error instanceof CommandError) {
      return { stdout: error.stdout, stderr: error.stderr, exitCode: error.exitCode ?? -1 };
    }
    throw error;
  }
}

/** Rows of a table as cells, its header left out. */
const rowsOf = (text: string) =>
  text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('|').map((cell) => cell.trim()));
/** Node and step of each row of a launch. */
const stepsOf = (text: string) => rowsOf(text).map(([, node, step]) => `${node ?? ''} ${step ?? ''}`);

async function until(what: string, check: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const endAt = performance.now() + timeoutMs;
  while (!(await check().catch(() => false))) {
    if (performance.now() > endAt) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
const meshSize = async (node: string) => Number(rowsOf((await meshd(node, 'mesh', 'status')).stdout)[0]?.[1]);

/** The head's tree with an edited program, and the head running it. */
async function runVariantOnHead(edit: (program: string) => string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'meshd-variant-'));
  try {
    const tree = join(folder, 'meshd');
    await cp(builtTree, tree, { recursive: true, verbatimSymlinks: true });
    const old = join(tree, await readlink(join(tree, 'current')));
    const program = edit(await readFile(join(old, 'meshd.mjs'), 'utf8'));
    const hash = createHash('sha256').update(program).digest('hex').slice(0, 16);
    const place = join(tree, 'program', hash);
    await rename(old, place);
    for (const name of packedNames('meshd.mjs')) await rm(join(place, name), { force: true });
    await rm(join(place, 'cache'), { recursive: true, force: true });
    await writeFile(join(place, 'meshd.mjs'), program);
    await rm(join(tree, 'current'));
    await symlink(`program/${hash}`, join(tree, 'current'));
    await meshd(head, 'quit');
    await sh(head, 'rm -rf "$1"', treeOnNode);
    await lab.copyIn(head, tree, treeOnNode);
    await startMeshd(lab, head, headFlags);
    return hash;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

beforeAll(async () => {
  await lab.down();
  const results = await lab.up({ nodes: 4 });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
  await placeRootKeys(lab, head, ['node2', 'node3', 'node4']);
  await installTree(lab, head);
  await startMeshd(lab, head, headFlags);
});
afterAll(async () => {
  await lab.down();
});

describe('deploy', () => {
  test('an unknown host key and a name that does not exist are errors of their nodes, not of the others', async () => {
    await sh(head, 'sed -i "/^node3,/d" /root/.ssh/known_hosts');
    const { stdout, stderr, exitCode } = await deploy('node[2-3],node99');
    expect(exitCode).not.toBe(0);
    expect(stepsOf(stdout).sort()).toEqual(['node2 mesh', 'node3 hostkey', 'node99 reach']);
    expect(stderr).toMatch(/Error \(node3\): hostkey: the host key of node3 is not known: ssh-ed25519 SHA256:/);
    expect(stderr).toMatch(/Error \(node99\): reach: node99: (its name does not resolve|the name servers of node1)/);
    await until('node2 in the mesh', async () => (await meshSize(head)) === 2);
  });

  test('its fingerprint is shown and pinned, and the second run continues where the first ended', async () => {
    const shown = rowsOf((await meshd(head, 'deploy', 'hostkeys', 'node3')).stdout);
    const expected = await sh('node3', 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub');
    const fingerprint =
      shown.find((row) => row.includes('ssh-ed25519'))?.find((cell) => cell.startsWith('SHA256:')) ?? '';
    expect(expected).toContain(fingerprint);
    expect((await meshd(head, 'deploy', 'hostkeys', 'accept', 'node3', 'SHA256:wrong')).exitCode).not.toBe(0);
    expect((await meshd(head, 'deploy', 'hostkeys', 'accept', 'node3', fingerprint)).exitCode).toBe(0);
    const before = await mainPid('node2');
    const { stdout, exitCode } = await deploy('node[2-3]');
    expect(exitCode).toBe(0);
    expect(stepsOf(stdout).sort()).toEqual(['node2 mesh', 'node3 mesh']);
    expect(await mainPid('node2')).toBe(before);
    await until('three nodes everywhere', async () =>
      (await Promise.all([head, 'node2', 'node3'].map(meshSize))).every((size) => size === 3),
    );
  });

  test('a third run finds nothing to do', async () => {
    const before = await Promise.all(['node2', 'node3'].map(mainPid));
    expect((await deploy('node[2-3]')).exitCode).toBe(0);
    expect(await Promise.all(['node2', 'node3'].map(mainPid))).toEqual(before);
  });

  test('the private key is root’s alone, and the service has the head’s flags', async () => {
    expect(await sh('node2', 'stat -c "%a %U" /var/lib/meshd/identity/node.key')).toBe('600 root');
    const command = await sh('node2', 'grep ^ExecStart= /etc/systemd/system/meshd.service');
    expect(command).toContain(' -headnode=node1 ');
    expect(command).toContain(' -context=john -degree=2 ');
    expect(command).toContain(' -nostdin=true ');
    expect(await sh('node2', 'ls /run | grep meshd-deploy || true')).toBe('');
    const own = await meshd(head, 'deploy', 'flags');
    expect(command).toContain(own.stdout.trim().replace(/^node1: /, ''));
  });

  test('deploy from another node names the head', async () => {
    const { stderr, exitCode } = await meshd('node2', 'deploy', 'launch', 'node4');
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('deploy runs on node1, which holds the CA');
  });

  test('deploy logs shows a node’s journal', async () => {
    expect((await meshd(head, 'deploy', 'logs', 'node2')).stdout).toContain('Started meshd.service');
  });

  test('a node that has its own cluster is refused, running or not', async () => {
    await installTree(lab, 'node4');
    await startMeshd(lab, 'node4', ['-context', 'other', '-nostdin']);
    expect((await deploy('node4')).stderr).toContain('belongs to another cluster');
    await meshd('node4', 'quit');
    const refused = await deploy('node4');
    expect(refused.stderr).toContain('move /var/lib/meshd away on node4');
    await sh('node4', 'rm -rf /var/lib/meshd');
  });

  test('a taken mesh port is refused by name before anything is placed', async () => {
    const holder = 'import socket, time; s = socket.create_server(("", 9000)); time.sleep(300)';
    await sh('node4', 'setsid python3 -c "$1" >/dev/null 2>&1 </dev/null & echo $! >/run/holder', holder);
    await until('the port is taken', async () => /:9000 /.test(await sh('node4', 'ss -ltn')));
    const { stderr, exitCode } = await deploy('node4');
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/Error \(node4\): preflight: node4 cannot run meshd: port 9000 is taken by python3/);
    expect(await sh('node4', 'ls /etc/systemd/system/meshd.service 2>/dev/null || true')).toBe('');
    await sh('node4', 'kill "$(cat /run/holder)"');
  });

  test('a start that fails carries the node’s journal, and goes well once its cause is gone', async () => {
    const dropIn = '/etc/systemd/system/meshd.service.d/broken.conf';
    const broken = '[Service]\nExecStartPre=/bin/sh -c "echo this node has a broken disk; exit 1"\n';
    await sh('node4', 'mkdir -p "$(dirname "$1")" && printf "%b" "$2" >"$1"', dropIn, broken);
    const { stderr, exitCode } = await deploy('node4');
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(
      'Error (node4): service: systemd on node4 does not start meshd: Job for meshd.service failed',
    );
    expect(stderr).toContain('this node has a broken disk');
    await sh('node4', 'rm "$1" && systemctl daemon-reload', dropIn);
    await until('node4 in the mesh', async () => (await meshSize(head)) === 4);
  });

  test('a revoked node is gone, knows it, and is not deployed again as it is', async () => {
    expect((await meshd(head, 'mesh', 'revoke', 'node4')).exitCode).toBe(0);
    await until('three nodes on the head, one on node4', async () => {
      const sizes = await Promise.all([head, 'node4'].map(meshSize));
      return sizes[0] === 3 && sizes[1] === 1;
    });
    // It knows from its own roster, or from other members that close its calls without an answer.
    await until('the reason in its journal', async () =>
      /this node was revoked|this node may be revoked/.test(await sh('node4', 'journalctl -u meshd -n 40 -o cat')),
    );
    expect((await deploy('node4')).stderr).toContain('node4 was revoked: to admit it again as a new node');
    await sh('node4', 'systemctl disable --now meshd');
  });

  test('a degree that was set at run time is handed on', async () => {
    await meshd(head, 'mesh', 'degree', '1');
    expect((await meshd(head, 'deploy', 'flags')).stdout).toContain('-degree=1 ');
    expect((await deploy('node2')).exitCode).toBe(0);
    expect(await sh('node2', 'grep ^ExecStart= /etc/systemd/system/meshd.service')).toContain(' -degree=1 ');
    // The program an upgrade would return to belongs to that upgrade, not to an older change of flags.
    expect(await sh('node2', 'ls "$1" | grep meshd.service.previous || true', treeOnNode)).toBe('');
    await meshd(head, 'mesh', 'degree', '2');
  });

  test('a certificate that ends soon is renewed, and the node stays the same one', async () => {
    const file = '/var/lib/meshd/identity/node.crt';
    const before = new X509Certificate(await sh('node2', 'cat "$1"', file));
    const known = identityFromCertificate(before)!;
    const dayMs = 24 * 3_600_000;
    const ending = await issueNodeCertificate(
      { cluster: known.cluster, keyPem: await sh(head, 'cat /var/lib/meshd/ca/ca.key') },
      { nodeId: known.nodeId, publicKeyPem: before.publicKey.export({ type: 'spki', format: 'pem' }).toString() },
      new Date(Date.now() - (5 * 365 - 20) * dayMs),
    );
    await lab.exec('node2', ['sh', '-c', 'cat > "$1"', 'sh', file], { stdin: ending });
    const { stderr, exitCode } = await deploy('node2');
    expect(stderr).not.toContain('Error');
    expect(exitCode).toBe(0);
    const after = new X509Certificate(await sh('node2', 'cat "$1"', file));
    expect(identityFromCertificate(after)?.nodeId).toBe(known.nodeId);
    expect(after.validToDate.getTime()).toBeGreaterThan(Date.now() + 4 * 365 * dayMs);
    await until('three nodes on node2', async () => (await meshSize('node2')) === 3);
  });
});

describe('an upgrade', () => {
  test('goes through the canary to all, and keeps the previous program', async () => {
    const before = await sh('node2', 'readlink "$1/current"', treeOnNode);
    const hash = await runVariantOnHead((program) => `${program}\n// the next version\n`);
    const { stdout, stderr, exitCode } = await deploy('node[2-3]');
    expect(`${stdout}${stderr}`).toContain('node2');
    expect(exitCode).toBe(0);
    for (const node of ['node2', 'node3']) {
      expect(await sh(node, 'readlink "$1/current"', treeOnNode)).toBe(`program/${hash}`);
      expect(await sh(node, 'readlink "$1/previous"', treeOnNode)).toBe(before);
      expect((await meshd(node, 'version')).stdout).toContain(hash);
    }
  });

  test('to a program that gives no hello is rolled back automatically, and stops at the canary', async () => {
    const before = await sh('node2', 'readlink "$1/current"', treeOnNode);
    const pid = await mainPid('node3');
    // It works on the head, and fails where deploy starts it.
    const fault = `if (process.argv.some((word) => word.startsWith('-headnode=node'))) {
      console.error('this version does not start');
      process.exit(9);
    }`;
    await runVariantOnHead((program) => program.replace('\n', `\n${fault}\n`));
    const { stdout, stderr, exitCode } = await deploy('node[2-3]');
    expect(exitCode).not.toBe(0);
    expect(stepsOf(stdout)).toEqual(['node2 service', 'node3 program']);
    expect(stderr).toContain('gave no hello on node2 within 15 s; its previous program');
    expect(stderr).toContain('this version does not start');
    expect(stderr).toContain('not upgraded, since node2 had to go back');
    expect(await sh('node2', 'readlink "$1/current"', treeOnNode)).toBe(before);
    expect(await mainPid('node3')).toBe(pid);
    await until('all three in the mesh', async () => (await meshSize(head)) === 3);
  });
});

describe('after a reboot', () => {
  test('a node and the head come back on their own', async () => {
    await runVariantOnHead((program) => program);
    expect((await deploy('node[2-3]')).exitCode).toBe(0);
    for (const node of ['node2', head]) {
      await lab.fault.power(node, 'off');
      await until('the others drop it', async () => (await meshSize('node3')) === 2);
      await lab.fault.power(node, 'on');
      await until(`${node} in the mesh`, async () => (await meshSize('node3')) === 3);
    }
    expect(await sh(head, 'systemctl is-active meshd')).toBe('active');
    // The head still holds the CA.
    expect((await deploy('node2')).exitCode).toBe(0);
  });
});

describe('mesh ca move', () => {
  test('makes another node the head: it deploys, and the old one holds no key', async () => {
    expect((await meshd('node2', 'mesh', 'ca', 'move', 'node3')).exitCode).not.toBe(0);
    const moved = await meshd(head, 'mesh', 'ca', 'move', 'node2');
    expect(moved.stderr).toBe('');
    expect(await sh(head, 'ls /var/lib/meshd/ca')).toBe('');
    expect(await sh('node2', 'stat -c "%a" /var/lib/meshd/ca/ca.key')).toBe('600');
    expect((await deploy('node3')).stderr).toContain('deploy runs on node2, which holds the CA');
    // The new head's own keys and pins are the administrator's, as on the first.
    await placeRootKeys(lab, 'node2', [head, 'node3']);
    const { stdout, exitCode } = await meshd('node2', 'deploy', 'launch', 'node3');
    expect(stepsOf(stdout)).toEqual(['node3 mesh']);
    expect(exitCode).toBe(0);
  });
});
