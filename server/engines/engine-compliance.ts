// What every engine does, whatever its daemon is: run by each with its own daemon, or a replay of one.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterKinds, nodes } from '../../contract/cluster-kinds.ts';
import type { CommandResponse } from '../../contract/command-socket.ts';
import type { RowChanges } from '../../contract/kinds.ts';
import { parseCommand } from '../../core/commands/parse.ts';
import type { ClusterChange, Engine, EngineConnection } from './engine.ts';
import type { NodeRoute } from './route.ts';

export interface EngineUnderTest {
  readonly engine: Engine;
  /** To a node of a cluster of two. */
  readonly route: NodeRoute;
  /** Where nobody listens, and where someone listens and says nothing. */
  readonly closedRoute: NodeRoute;
  readonly silentRoute: NodeRoute;
  readonly names: readonly string[];
  /** Lines with an answer, with an error, and one that waits while the cluster is held up. */
  readonly lines: { readonly good: string; readonly bad: string; readonly waiting: string };
  /** Makes `waiting` wait for some seconds at least, until the returned function is called. */
  readonly holdUp: () => () => void;
  /** Does something to the cluster that changes a row of `nodes`. */
  readonly change: () => Promise<void>;
  /** A service that sends back what it gets, on the node of `route` and, where streams go through the mesh, another one; null when the engine has no streams. */
  readonly stream: { readonly echo: string; readonly args: unknown; readonly otherNode: string | null } | null;
  readonly stop: () => Promise<void>;
}

const timeoutMs = 30_000;
const deadline = () => AbortSignal.timeout(timeoutMs);

export function describeEngine(name: string, make: () => Promise<EngineUnderTest>): void {
  describe(`${name} as an engine`, () => {
    let under: EngineUnderTest;
    const opened: EngineConnection[] = [];
    const open = async (route = under.route): Promise<EngineConnection> => {
      const connection = await under.engine.open(route, { timeoutMs, signal: new AbortController().signal });
      opened.push(connection);
      return connection;
    };
    beforeAll(async () => {
      under = await make();
    });
    afterAll(async () => {
      for (const connection of opened) connection.close();
      under.engine.close();
      await under.stop();
    });

    test('opens what answers, and what it opened answers again', async () => {
      const connection = await open();
      await connection.greet({ deadline: deadline() });
      expect(connection.isClosed).toBe(false);
      connection.close();
      expect(connection.isClosed).toBe(true);
      await expect(collect(connection.run(under.lines.good))).rejects.toMatchObject({ code: 'unreachable' });
    });

    test('says what is wrong with a node that it cannot open', async () => {
      await expect(open(under.closedRoute)).rejects.toMatchObject({ code: 'unreachable' });
      const options = { timeoutMs: 300, signal: new AbortController().signal };
      await expect(under.engine.open(under.silentRoute, options)).rejects.toMatchObject({ code: 'timeout' });
      const abort = new AbortController();
      const opening = under.engine.open(under.silentRoute, { timeoutMs, signal: abort.signal });
      abort.abort();
      await expect(opening).rejects.toThrow();
    });

    test('begins with who answers and all rows, of the kinds that were asked for only', async () => {
      const connection = await open();
      const [first] = await take(connection.changes([nodes]), 1);
      expect([first?.begins?.mesh, first?.begins?.context]).not.toContain('');
      expect(Object.keys(first?.rows ?? {})).toEqual(['nodes']);
      const rows = (first?.rows['nodes']?.put ?? []).map((row) => nodes.row.parse(row));
      expect(rows.map(({ Name }) => Name).sort()).toEqual([...under.names].sort());
      expect(rows.map(({ Id }) => Id)).toContain(first?.begins?.self);
      // Who leaves the loop closes it.
      expect(connection.isClosed).toBe(true);
    });

    test('reports a change, as rows that fit their kinds', async () => {
      const connection = await open();
      const seen: RowChanges[] = [];
      for await (const { begins, rows } of connection.changes(clusterKinds)) {
        if (begins !== null) {
          await under.change();
          continue;
        }
        for (const kind of clusterKinds) for (const row of rows[kind.name]?.put ?? []) kind.change.parse(row);
        seen.push(rows);
        if (rows['nodes'] !== undefined) break;
      }
      expect(seen.at(-1)?.['nodes']?.put.length).toBeGreaterThan(0);
    });

    test('runs lines one after the other, and a failed one is an answer', async () => {
      const connection = await open();
      const [good, bad] = await Promise.all([
        collect(connection.run(under.lines.good, { deadline: deadline() })),
        collect(connection.run(under.lines.bad, { deadline: deadline() })),
      ]);
      expect(errorsOf(good)).toEqual([]);
      expect(errorsOf(bad)).toEqual([expect.stringMatching(/./)]);
      expect(good.at(-1)?.More).toBe(false);
    });

    test('cancels a line, or says why it cannot and closes the connection', async () => {
      const connection = await open();
      const letGo = under.holdUp();
      const abort = new AbortController();
      setTimeout(() => abort.abort(), 200);
      const answers = collect(connection.run(under.lines.waiting, { signal: abort.signal, deadline: deadline() }));
      answers.catch(() => undefined).finally(letGo);
      if (connection.lacks.cancel === undefined) {
        expect(errorsOf(await answers)).not.toEqual([]);
        await connection.greet({ deadline: deadline() });
      } else {
        expect(connection.lacks.cancel).toMatch(/ /);
        await expect(answers).rejects.toMatchObject({ code: 'cancelled' });
        expect(connection.isClosed).toBe(true);
      }
    });

    test('completes a text to whole lines', async () => {
      const connection = await open();
      const lines = await connection.suggest('mesh st', { deadline: deadline() });
      expect(lines).toContain('mesh status ');
    });

    test('opens a stream that has the connection for itself, or says why it cannot', async () => {
      const connection = await open();
      const { stream: service } = under;
      if (connection.lacks.streams !== undefined || service === null) {
        expect(connection.lacks.streams).toMatch(/ /);
        const opening = connection.stream({ node: '', service: 'none', args: null }, { deadline: deadline() });
        await expect(opening).rejects.toMatchObject({ code: 'refused', message: connection.lacks.streams });
        return;
      }
      const unknown = connection.stream({ node: '', service: 'none', args: null }, { deadline: deadline() });
      await expect(unknown).rejects.toMatchObject({ code: 'refused' });
      // Of this node, and of the other one through it.
      for (const node of ['', ...(service.otherNode === null ? [] : [service.otherNode])]) {
        const fresh = await open();
        const stream = await fresh.stream(
          { node, service: service.echo, args: service.args },
          { deadline: deadline() },
        );
        await expect(collect(fresh.run(under.lines.good))).rejects.toMatchObject({ code: 'unreachable' });
        stream.end(Buffer.of(0, 10, 255, 123));
        const chunks: Buffer[] = [];
        for await (const chunk of stream) chunks.push(chunk as Buffer);
        expect([...Buffer.concat(chunks)]).toEqual([0, 10, 255, 123]);
      }
    });

    test('knows its language: who may run which line', () => {
      const parsed = parseCommand(under.engine.commandTable, under.lines.good);
      expect(parsed.ok && parsed.command?.pattern.role).toMatch(/^(viewer|operator|admin)$/);
    });
  });
}

async function collect(answers: AsyncGenerator<CommandResponse>): Promise<CommandResponse[]> {
  const all: CommandResponse[] = [];
  for await (const answer of answers) all.push(answer);
  return all;
}

async function take(changes: AsyncGenerator<ClusterChange>, count: number): Promise<ClusterChange[]> {
  const all: ClusterChange[] = [];
  for await (const change of changes) {
    all.push(change);
    if (all.length === count) break;
  }
  return all;
}

const errorsOf = (answers: readonly CommandResponse[]) =>
  answers.flatMap(({ Resp }) => (Resp ?? []).flatMap(({ Error: error }) => (error === '' ? [] : [error])));
