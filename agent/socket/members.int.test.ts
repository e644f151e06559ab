// A member of the mesh that does not check what it sends. The receiving node refuses commands that only the command socket
// may run: every such command of the table, in any wrapping.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandTable } from '../../core/commands/table.ts';
import { startCluster, type TestCluster } from './cluster-for-tests.ts';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

/** Sends from node2 to node1 over the mesh, past node2's own dispatcher. */
async function errorsFrom(line: string): Promise<string[]> {
  const options = { namespace: 'minimega', timeoutMs: 5000, signal: new AbortController().signal };
  const entries = (await cluster.peers[1]?.send(['node1'], line, options)) ?? [];
  expect(entries.map(({ Host }) => Host)).toEqual(['node1']);
  return entries.map((entry) => entry.Error);
}

it('every pattern has a handler, and every handler a pattern', () => {
  expect(cluster.dispatchers[0]?.checkHandlers()).toEqual({ missing: [], unknown: [] });
});

describe('a member is refused', () => {
  const lines = commandTable
    .filter(({ pattern }) => pattern.reach === 'socket')
    .map(({ pattern, items }) => {
      const words = items.map((item) => {
        if (item.kind === 'literal') return item.text;
        if (item.kind === 'choice') return item.options[0] ?? '';
        return item.kind === 'nested' ? 'version' : '/tmp/x';
      });
      return [pattern.pattern, words.join(' ')] as const;
    });

  it.each(lines)('%s', async (_, line) => {
    const sent = [
      line,
      `.annotate false ${line}`,
      `namespace x ${line}`,
      `.columns a .filter a=b ${line}`,
      `namespace x .record false .preprocess false ${line}`,
    ];
    for (const wrapped of sent) {
      const [error] = await errorsFrom(wrapped);
      expect(error, wrapped).toMatch(
        /^cannot run `.*` via meshage: only the command socket of the node itself takes it$/,
      );
    }
    for (const nested of [`mesh send all ${line}`, `mesh send node3 mesh send node1 ${line}`]) {
      const [error] = await errorsFrom(nested);
      expect(error, nested).toMatch(/^cannot run `mesh send .*` via meshage/);
    }
  });

  it('and gets an answer to commands with the reach mesh', async () => {
    expect(await errorsFrom('mesh status')).toEqual(['']);
    expect(await errorsFrom('namespace x .annotate false host name')).toEqual(['']);
  });
});
