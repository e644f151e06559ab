import { describe, expect, test } from 'vitest';
import type { Roster } from '../../contract/roster.ts';
import { judgeIdentity } from './identity.ts';
import type { IdentityQuestion, KnownIdentity } from './identity.ts';

const cluster = 'c'.repeat(32);
const nodeId = '1'.repeat(32);
const keyHash = 'a'.repeat(64);
const dayMs = 24 * 3_600_000;
const roster: Roster = {
  cluster,
  context: 'john',
  head: '0'.repeat(32),
  version: 7,
  nodes: [{ id: nodeId, name: 'node3', addresses: ['10.0.0.3'], port: 9000, keyHash, state: 'member' }],
};
const known: KnownIdentity = { cluster, nodeId, keyHash, validToMs: 400 * dayMs };
const found = { certificate: 'PEM', caCertificate: 'PEM', keyHash, holdsCa: false };
const judge = (part: Partial<IdentityQuestion> = {}) =>
  judgeIdentity({
    name: 'node3',
    addresses: ['10.0.0.3', '192.168.0.3'],
    statePath: '/var/lib/meshd',
    found,
    known,
    cluster,
    roster,
    isInMesh: () => true,
    nowMs: 0,
    ...part,
  });

describe('judgeIdentity', () => {
  test('a node of this cluster keeps its identity', () => {
    const kept = { ok: true, keep: nodeId, renew: null };
    expect(judge()).toEqual(kept);
    expect(judge({ found: { ...found, keyHash: '' } })).toEqual(kept);
    // It got another name, or another address.
    expect(judge({ name: 'node5' })).toEqual(kept);
    expect(judge({ addresses: ['10.0.0.99'] })).toEqual(kept);
  });

  test.each<[string, Partial<IdentityQuestion>]>([
    ['a key that is gone', { found: { ...found, keyHash: null } }],
    ['a key of another certificate', { found: { ...found, keyHash: 'b'.repeat(64) } }],
    ['a key that the roster does not have', { known: { ...known, keyHash: 'b'.repeat(64) } }],
    ['a certificate that ends soon', { nowMs: 375 * dayMs }],
    ['a certificate that ended', { nowMs: 500 * dayMs }],
  ])('%s: a new key and certificate for the same node, in the mesh or not', (_name, part) => {
    for (const isInMesh of [true, false]) {
      expect(judge({ ...part, isInMesh: () => isInMesh })).toEqual({ ok: true, keep: null, renew: nodeId });
    }
  });

  test.each<[string, Partial<IdentityQuestion>]>([
    ['a fresh node', { known: null, found: { ...found, certificate: null, keyHash: null } }],
    ['a node that the roster does not have', { roster: { ...roster, nodes: [] } }],
    ['a certificate that ended, elsewhere than the member was', { nowMs: 500 * dayMs, addresses: ['10.0.0.99'] }],
    ['a certificate that ended, under another name', { nowMs: 500 * dayMs, name: 'node5' }],
  ])('%s: a new node', (_name, part) => {
    expect(judge(part)).toEqual({ ok: true, keep: null, renew: null });
  });

  test('a copy of a disk whose node is in the mesh: refused', () => {
    const copy = { name: 'node5', addresses: ['10.0.0.5'] };
    const verdict = judge(copy);
    expect(verdict.ok ? '' : verdict.message).toMatch(
      /^node5 holds the identity of node3, .*move .*identity away on node5/,
    );
    // The only one that is there may have moved.
    expect(judge({ ...copy, isInMesh: () => false })).toMatchObject({ ok: true, keep: nodeId });
  });

  test('another cluster: refused, with what to do', () => {
    const verdict = judge({ known: { ...known, cluster: 'd'.repeat(32) } });
    expect(verdict.ok ? '' : verdict.message).toContain('node3 belongs to another cluster (dddddddd…)');
    expect(verdict.ok ? '' : verdict.message).toContain('move /var/lib/meshd away on node3');
  });

  test('a node that is another cluster’s head: refused, certificate or not', () => {
    expect(judge({ known: null, found: { ...found, holdsCa: true } }).ok).toBe(false);
    const head = judge({ known: { ...known, cluster: 'd'.repeat(32) }, found: { ...found, holdsCa: true } });
    expect(head.ok ? '' : head.message).toContain('whose CA it holds');
  });

  test('revoked: refused', () => {
    const [node] = roster.nodes;
    const verdict = judge({ roster: { ...roster, nodes: [{ ...node!, state: 'revoked' }] } });
    expect(verdict.ok ? '' : verdict.message).toContain('node3 was revoked');
  });
});
