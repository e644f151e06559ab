import { describe, expect, test } from 'vitest';
import { AppError } from '../../../contract/errors.ts';
import { maxFleetLinks, maxFleetNodes, maxNodeAddresses, maxRangeNameLength } from '../../../contract/limits.ts';
import type { NodeView, WatchMessage } from '../../../contract/watch.ts';
import { ringOfNodes } from './memory-mesh.ts';
import { inConsoleWords, pinsOfHost } from './route.ts';
import { assertBounded } from './watch.ts';

describe('a route', () => {
  test('has the pins of the store, and only those that are whole', async () => {
    const pins = pinsOfHost({ name: 'node3', pins: ['ssh-ed25519 AAAA comment', 'broken', ''] });
    expect(await pins.entriesFor('10.0.0.3', 22)).toEqual([
      {
        hosts: ['node3'],
        revoked: false,
        type: 'ssh-ed25519',
        key: Buffer.from('AAAA', 'base64'),
        file: "the console's store",
      },
    ]);
  });

  test('says what to do about a host key in the console’s words', () => {
    const detail = { type: 'ssh-ed25519', fingerprint: 'SHA256:new', pinned: ['ssh-ed25519 SHA256:old'] };
    const changed = inConsoleWords(new AppError('host-key-changed', 'x', { detail }), { name: 'node3' });
    expect(changed).toMatchObject({ code: 'host-key-changed', detail });
    expect(String(changed)).toMatch(
      /node3 has changed: it shows ssh-ed25519 SHA256:new, pinned is ssh-ed25519 SHA256:old.*Replace node/,
    );
    const unknown = inConsoleWords(new AppError('host-key-unknown', 'x', { detail }), { name: 'node3' });
    expect(String(unknown)).toContain('Add nodes');
    const other = new AppError('unreachable', 'off');
    expect(inConsoleWords(other, { name: 'node3' })).toBe(other);
  });
});

describe('what a node says of its cluster is bounded', () => {
  const [node] = ringOfNodes(1).nodes as [NodeView];
  const revision = { Epoch: 'e', N: 0 };
  const snapshot = (part: Partial<Extract<WatchMessage, { Watch: 'snapshot' }>>): WatchMessage => ({
    Watch: 'snapshot',
    Revision: revision,
    Self: 'a',
    Cluster: 'c',
    Context: 'john',
    Nodes: [],
    Links: [],
    ...part,
  });
  const delta = (part: Partial<Extract<WatchMessage, { Watch: 'delta' }>>): WatchMessage => ({
    Watch: 'delta',
    From: revision,
    Revision: revision,
    Nodes: [],
    GoneNodes: [],
    Links: [],
    GoneLinks: [],
    ...part,
  });
  const long = 'x'.repeat(maxRangeNameLength + 1);
  const link = { A: 'a', B: 'b', State: 'up' as const };

  test('what is just within passes', () => {
    const name = 'x'.repeat(maxRangeNameLength);
    const full = { ...node, Name: name, Addresses: Array<string>(maxNodeAddresses).fill(name) };
    expect(() => assertBounded(snapshot({ Nodes: Array<NodeView>(maxFleetNodes).fill(full) }))).not.toThrow();
    expect(() => assertBounded(snapshot({ Links: Array(maxFleetLinks).fill(link) as never }))).not.toThrow();
  });

  test.each<[string, WatchMessage]>([
    ['nodes', snapshot({ Nodes: Array<NodeView>(maxFleetNodes + 1).fill(node) })],
    ['links', delta({ Links: Array(maxFleetLinks + 1).fill(link) as never })],
    ['nodes that are gone', delta({ GoneNodes: Array<string>(maxFleetNodes + 1).fill('a') })],
    ['links that are gone', delta({ GoneLinks: Array(maxFleetLinks + 1).fill(link) as never })],
    ['addresses', snapshot({ Nodes: [{ ...node, Addresses: Array<string>(maxNodeAddresses + 1).fill('a') }] })],
    ['an address', snapshot({ Nodes: [{ ...node, Addresses: [long] }] })],
    ['a name', snapshot({ Nodes: [{ ...node, Name: long }] })],
    ['a version', delta({ Nodes: [{ Id: 'a', Version: long }] })],
    ['a load', delta({ Nodes: [{ Id: 'a', Facts: { Load: long } }] })],
    ['an id', delta({ GoneNodes: [long] })],
    ['a link', snapshot({ Links: [{ ...link, B: long }] })],
    ['a context', snapshot({ Context: long })],
  ])('one more of %s does not', (_, message) => {
    expect(() => assertBounded(message)).toThrow(/more than the \d+ that the console takes/);
  });
});
