// Recovery when the head is lost, on the files of two nodes and with the program itself.
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { admitNode, revokeNode } from '../../core/mesh/roster.ts';
import { localRunner } from '../../host/runner.ts';
import { openAuthority } from './authority.ts';
import { openSealed, sealAuthority } from './ca-copy.ts';
import { createId, createKeyPair } from './certificates.ts';
import { ensureIdentity, writeIdentity, type ClusterState } from './identity.ts';
import { takeAuthority } from './take-ca.ts';

const program = new URL('../main.ts', import.meta.url).pathname;
let folder = '';
let head: ClusterState;
const optionsOf = (name: string) => ({
  ...{ name, context: 'john', port: 9000, addresses: ['10.0.0.1'] },
  ...{ now: new Date(), create: name === 'node1' },
});
const member = () => join(folder, 'node2');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshd-ca-copy-'));
  head = await ensureIdentity(join(folder, 'node1'), optionsOf('node1'));
  const keys = createKeyPair();
  const id = createId();
  const { authority, editor } = partsOf(head);
  const issued = await authority.issue({ nodeId: id, publicKey: keys.publicKeyPem });
  await editor.edit((roster) =>
    admitNode(roster, {
      ...{ id, name: 'node2', addresses: ['10.0.0.2'], port: 9000 },
      ...{ keyHash: issued.keyHash, state: 'member' },
    }),
  );
  await writeIdentity(join(member(), 'identity'), {
    keyPem: keys.privateKeyPem,
    certificatePem: issued.certificatePem,
    caPem: authority.certificatePem,
    roster: head.roster.signed,
  });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function partsOf(state: ClusterState) {
  if (!state.head) throw new Error('not the head');
  return state.head;
}
const copy = () => sealAuthority(partsOf(head).authority);
const take = (sealed: string, code: string, state = member()) =>
  takeAuthority(state, { sealed, code, now: new Date() });

test('a member takes the CA back, and the head that comes again is one no more', async () => {
  const { sealed, code } = copy();
  expect(sealed).not.toContain('PRIVATE KEY');
  expect(code).toMatch(/^([0-9A-Z]{4}-){6}[0-9A-Z]{4}$/);
  // An edit that reached nobody, made after the copy and before the head was lost.
  await partsOf(head).editor.edit((roster) => ({ ok: true, roster: { ...roster, version: roster.version + 1 } }));

  expect(await take(sealed, code)).toBe('node1');
  expect(await take(sealed, code)).toBe('node2');
  const now = await ensureIdentity(member(), optionsOf('node2'));
  await partsOf(now).editor.edit((roster) => revokeNode(roster, head.identity.nodeId));
  expect(now.roster.node(head.identity.nodeId)?.state).toBe('revoked');
  expect(head.roster.apply(now.roster.signed)).toEqual({ ok: true, changed: true });
  await expect(partsOf(head).editor.edit((roster) => admitNode(roster, roster.nodes[1] as never))).rejects.toThrow(
    'the CA moved to node2',
  );
});

test('as people type a code: small letters, blanks, O for 0 and l for 1', () => {
  const { sealed, code } = copy();
  const typed = ` ${code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `;
  expect(openSealed(sealed, typed).cluster).toBe(head.identity.cluster);
});

test('another code, a cut or changed copy, another cluster and a revoked node change nothing', async () => {
  const { sealed, code } = copy();
  const other = await ensureIdentity(join(folder, 'other'), optionsOf('node1'));
  const otherCopy = sealAuthority(partsOf(other).authority);
  const before = await readFile(join(member(), 'identity/roster.json'), 'utf8');
  for (const [text, with_, reason] of [
    [sealed, otherCopy.code, 'does not open'],
    [sealed, code.slice(1), '28 letters'],
    [sealed.slice(0, -8), code, 'does not open'],
    [sealed.replace(head.identity.cluster, other.identity.cluster), code, 'does not open'],
    ['garbage', code, 'not a copy of a CA'],
    [otherCopy.sealed, otherCopy.code, 'another cluster'],
  ] as const) {
    await expect(take(text, with_), reason).rejects.toThrow(reason);
  }
  expect(await openAuthority(join(member(), 'ca'))).toBeNull();
  expect(await readFile(join(member(), 'identity/roster.json'), 'utf8')).toBe(before);

  await partsOf(head).editor.edit((roster) =>
    revokeNode(roster, roster.nodes.find(({ name }) => name === 'node2')?.id ?? ''),
  );
  await writeFile(join(member(), 'identity/roster.json'), JSON.stringify(head.roster.signed));
  await expect(take(sealed, code)).rejects.toThrow('no longer a member of the cluster');
});

test('by the program: the code comes on standard input, and a meshd that runs is in the way', async () => {
  const { sealed, code } = copy();
  const base = join(folder, 'base');
  await mkdir(base);
  await cp(member(), join(base, 'state'), { recursive: true });
  await writeFile(join(folder, 'copy'), `${sealed}\n`);
  const argv = [process.execPath, program, '-base', base, '-takeca', join(folder, 'copy')];
  await expect(localRunner.run(argv, { stdin: 'wrong\n' })).rejects.toThrow('28 letters');
  const { stdout } = await localRunner.run(argv, { stdin: `${code}\n` });
  expect(stdout).toContain('in place of node1');
  expect((await openAuthority(join(base, 'state', 'ca')))?.cluster).toBe(head.identity.cluster);
});
