import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { admitNode, firstRoster, moveHead, revokeNode } from '../../core/mesh/roster.ts';
import { localRunner } from '../../host/runner.ts';
import { createAuthority, openAuthority } from './authority.ts';
import { createId, createKeyPair, identityFromCertificate } from './certificates.ts';
import { ensureIdentity, loadIdentity, writeIdentity, type EnsureIdentityOptions } from './identity.ts';
import { RosterStore } from './roster-store.ts';

let folder: string;
let identityFolder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'identity-test-'));
  identityFolder = join(folder, 'identity');
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const options: EnsureIdentityOptions = {
  name: 'node1',
  context: 'john',
  port: 9000,
  addresses: ['10.0.0.1'],
  now: new Date(),
  create: true,
};

const path = (name: string) => join(identityFolder, name);

test('R1 T3 the first start makes the CA and the first member, and the second start finds them', async () => {
  const first = await ensureIdentity(folder, options);
  const second = await ensureIdentity(folder, options);
  expect(second.identity).toEqual(first.identity);
  expect(second.head).not.toBeNull();
  expect(second.roster.roster).toMatchObject({
    context: 'john',
    head: first.identity.nodeId,
    version: 1,
    nodes: [{ id: first.identity.nodeId, name: 'node1', state: 'member', keyHash: first.identity.keyHash }],
  });
});

test('keys and folders are readable by root alone', async () => {
  await ensureIdentity(folder, options);
  for (const file of ['ca/ca.key', 'identity/node.key', 'identity/roster.json']) {
    expect((await stat(join(folder, file))).mode & 0o777, file).toBe(0o600);
  }
  for (const name of ['ca', 'identity']) expect((await stat(join(folder, name))).mode & 0o777, name).toBe(0o700);
});

test('T3 certificates hold ids and no name or context, from yesterday for five years', async () => {
  const { identity } = await ensureIdentity(folder, { ...options, name: 'secretname', context: 'secretcontext' });
  const certificate = new X509Certificate(identity.certificatePem);
  const text = [identity.certificatePem, identity.caPem]
    .map((pem) => Buffer.from(pem.replace(/-----.*-----/g, ''), 'base64').toString('latin1'))
    .join();
  expect(text).not.toMatch(/secret/);
  expect(identityFromCertificate(certificate)).toEqual({
    cluster: identity.cluster,
    nodeId: identity.nodeId,
    keyHash: identity.keyHash,
  });
  const days = (date: Date) => (date.getTime() - Date.now()) / 86_400_000;
  expect(days(certificate.validFromDate)).toBeCloseTo(-1, 1);
  expect(days(certificate.validToDate)).toBeCloseTo(5 * 365 - 1, 0);
  expect(certificate.ca).toBe(false);
});

test('T3 openssl, which knows nothing of ours, verifies the chain', async () => {
  await ensureIdentity(folder, options);
  const argv = ['openssl', 'verify', '-x509_strict', '-CAfile', path('ca.crt'), path('node.crt')];
  expect((await localRunner.run(argv)).stdout).toContain('OK');
});

test('another context than the roster’s is refused', async () => {
  await ensureIdentity(folder, options);
  await expect(ensureIdentity(folder, { ...options, context: 'jane' })).rejects.toThrow(
    /context "john", not "jane".*remove its state folder/,
  );
});

test('a node that must not make a cluster says which step is missing', async () => {
  await expect(ensureIdentity(folder, { ...options, create: false })).rejects.toThrow(/deploy launch node1/);
});

test('the head records its own new port and address', async () => {
  await ensureIdentity(folder, options);
  const moved = await ensureIdentity(folder, { ...options, port: 9100, addresses: ['10.0.0.9', 'node1'] });
  expect(moved.roster.roster).toMatchObject({ version: 2, nodes: [{ port: 9100, addresses: ['10.0.0.9', 'node1'] }] });
});

describe('a damaged identity is a clear error', () => {
  test.each<[string, () => Promise<unknown>, RegExp]>([
    ['no key', () => rm(path('node.key')), /node.key is missing; deploy this node again/],
    ['a file that is not a key', () => writeFile(path('node.key'), 'x'), /not a readable private key/],
    [
      'a file that is not a certificate',
      () => writeFile(path('node.crt'), 'x'),
      /node.crt is not a readable certificate/,
    ],
    [
      'the key of another',
      () => writeFile(path('node.key'), createKeyPair().privateKeyPem),
      /does not belong to node.crt/,
    ],
    ['no roster', () => rm(path('roster.json')), /roster.json is missing/],
    ['half a roster', () => writeFile(path('roster.json'), '{"body":'), /roster.json is damaged/],
    [
      'a roster that someone edited',
      async () => {
        const text = await readFile(path('roster.json'), 'utf8');
        await writeFile(path('roster.json'), text.replace('node1', 'node7'));
      },
      /signature is not by this cluster's CA/,
    ],
    [
      'the CA of another cluster',
      async () => {
        const other = await createAuthority(join(folder, 'other'));
        await writeFile(path('ca.crt'), other.certificatePem);
      },
      /belongs to another cluster/,
    ],
  ])('%s', async (_what, damage, message) => {
    await ensureIdentity(folder, options);
    await damage();
    await expect(ensureIdentity(folder, options)).rejects.toThrow(message);
  });

  test('an expired certificate, and a clock that is years behind', async () => {
    await ensureIdentity(folder, options);
    await expect(loadIdentity(identityFolder, new Date('2040-01-01'))).rejects.toThrow(/expired on .*deploy/);
    await expect(loadIdentity(identityFolder, new Date('2001-01-01'))).rejects.toThrow(/check this node's clock/);
  });

  test('an unreadable CA is not replaced by a new one', async () => {
    await ensureIdentity(folder, options);
    await writeFile(join(folder, 'ca/ca.key'), 'x');
    await expect(ensureIdentity(folder, options)).rejects.toThrow(/put it back from a backup/);
    await expect(createAuthority(join(folder, 'ca'))).rejects.toThrow(/never replaced/);
  });
});

describe('the roster', () => {
  async function headAndMember() {
    const head = await ensureIdentity(folder, options);
    const editor = head.head?.editor;
    const authority = head.head?.authority;
    if (!editor || !authority) throw new Error('not the head');
    const keys = createKeyPair();
    const id = createId();
    const issued = await authority.issue({ nodeId: id, publicKey: keys.publicKeyPem });
    const node = {
      id,
      name: 'node2',
      addresses: ['10.0.0.2'],
      port: 9000,
      keyHash: issued.keyHash,
      state: 'member' as const,
    };
    await editor.edit((roster) => admitNode(roster, node));
    const files = {
      keyPem: keys.privateKeyPem,
      certificatePem: issued.certificatePem,
      caPem: head.identity.caPem,
      roster: head.roster.signed,
    };
    await writeIdentity(join(folder, 'b/identity'), files);
    return { head, editor, authority, node };
  }

  test('R1 only a newer one of the same cluster and CA is taken', async () => {
    const { head, editor, node } = await headAndMember();
    const member = await ensureIdentity(join(folder, 'b'), { ...options, name: 'node2' });
    expect(member.head).toBeNull();
    const before = head.roster.signed;
    await editor.edit((roster) => revokeNode(roster, node.id));
    expect(member.roster.apply(head.roster.signed)).toEqual({ ok: true, changed: true });
    expect(member.roster.apply(before)).toEqual({ ok: true, changed: false });
    expect(member.roster.standing(node.id, node.keyHash)).toBe('revoked');
    expect(member.roster.apply({ ...head.roster.signed, body: before.body }).ok).toBe(false);
    const other = await createAuthority(join(folder, 'other'));
    const foreign = firstRoster(head.identity.cluster, 'john', { ...node, id: head.identity.nodeId });
    expect(member.roster.apply(other.sign({ ...foreign, version: 99 })).ok).toBe(false);
    await member.roster.flush();
    const saved = await RosterStore.open({ path: join(folder, 'b/identity/roster.json'), caPem: head.identity.caPem });
    expect(saved.version).toBe(3);
  });

  test('edits at the same time are one after the other, each saved', async () => {
    const { head, editor, node } = await headAndMember();
    await Promise.all(
      [3, 4, 5].map((number) =>
        editor.edit((roster) => admitNode(roster, { ...node, id: createId(), name: `node${number}` })),
      ),
    );
    expect(head.roster.roster.nodes.map(({ name }) => name)).toEqual(['node1', 'node2', 'node3', 'node4', 'node5']);
    expect(head.roster.version).toBe(5);
    expect((await ensureIdentity(folder, options)).roster.version).toBe(5);
  });

  test('a refused edit changes nothing, and the next one works', async () => {
    const { head, editor, node } = await headAndMember();
    await expect(editor.edit((roster) => admitNode(roster, { ...node, id: createId() }))).rejects.toThrow(
      /names are unique/,
    );
    await expect(editor.edit((roster) => revokeNode(roster, head.identity.nodeId))).rejects.toThrow(/move the CA/);
    await editor.edit((roster) => revokeNode(roster, node.id));
    expect(head.roster.version).toBe(3);
  });

  test('an edit that cannot be saved changes nothing, and says so', async () => {
    const { head, editor, node } = await headAndMember();
    await rm(identityFolder, { recursive: true });
    await writeFile(identityFolder, 'in the way');
    await expect(editor.edit((roster) => revokeNode(roster, node.id))).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('the roster is not saved, so nothing was changed') as string,
    });
    expect(head.roster.node(node.id)?.state).toBe('member');
  });

  test('R1 a head that gave the CA away can no longer edit', async () => {
    const { editor, node } = await headAndMember();
    await editor.edit((roster) => moveHead(roster, node.id));
    await expect(editor.edit((roster) => revokeNode(roster, node.id))).rejects.toThrow(/moved to node2: run it there/);
    expect((await ensureIdentity(folder, options)).head).toBeNull();
  });

  test('a node that is not the head has no way to edit', async () => {
    await headAndMember();
    expect(await openAuthority(join(folder, 'b/ca'))).toBeNull();
  });
});
