// meshd as an engine, by the suite of all engines, on two real meshds.
import { createServer } from 'node:net';
import { join } from 'node:path';
import { makeIdentities } from '../../../bench/identities.ts';
import { CommandClient } from '../../../contract/command-client.ts';
import { connectSocket, socketTransport } from '../../../host/command-socket.ts';
import { startChild } from '../../../host/child.ts';
import { describeEngine, type EngineUnderTest } from '../engine-compliance.ts';
import { createEngines } from '../engines.ts';
import { localRoute } from '../route.ts';

const program = new URL('../../../scripts/simulated-node.ts', import.meta.url).pathname;
const firstPort = 17_460;
let degree = 1;

async function make(): Promise<EngineUnderTest> {
  const identities = await makeIdentities(2, firstPort);
  const children = await Promise.all(
    identities.nodes.map(({ name, base, port }, index) => {
      const flags = ['-base', base, '-port', String(port), '-degree', '1', '-context', 'bench', '-nostdin'];
      return startChild([process.execPath, program, name, String(index + 1), ...flags], {
        diesWithParent: true,
        hasInput: true,
        onLine: () => undefined,
      });
    }),
  );
  const socketOf = (index: number) => join(identities.nodes[index]?.base ?? '', 'meshd');
  // It reads, so that it notices who leaves.
  const silent = createServer((socket) => socket.resume());
  const silentPath = join(identities.nodes[0]?.base ?? '', 'silent');
  await new Promise<void>((resolve) => silent.listen(silentPath, resolve));
  const ask = async (line: string) => {
    const client = new CommandClient(
      { canCancel: true },
      { transport: socketTransport(await connectSocket(socketOf(0))) },
    );
    const texts: string[] = [];
    for await (const { Rendered } of client.command(line)) texts.push(Rendered);
    client.close();
    return texts.join('\n');
  };
  for (;;) {
    const peers = await ask('mesh list peers').catch(() => '');
    if (peers.includes(identities.nodes[1]?.name ?? '')) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const nobody = () => Promise.reject(new Error('not used here'));
  const { meshd } = createEngines({ version: 'test' }, { keys: { get: nobody } });
  if (!meshd) throw new Error('there is an engine for meshd');
  return {
    engine: meshd,
    route: localRoute(socketOf(0)),
    closedRoute: localRoute(`${socketOf(0)}-none`),
    silentRoute: localRoute(silentPath),
    names: identities.nodes.map(({ name }) => name),
    lines: {
      good: 'mesh status',
      bad: 'mesh send nobody version',
      waiting: `mesh send ${identities.nodes[1]?.name ?? ''} version`,
    },
    holdUp: () => {
      children[1]?.kill('SIGSTOP');
      return () => children[1]?.kill('SIGCONT');
    },
    change: async () => {
      degree += 1;
      await ask(`mesh degree ${degree}`);
    },
    stream: { echo: 'echo', args: null, otherNode: identities.nodes[1]?.name ?? '' },
    stop: async () => {
      await Promise.all(children.map((child) => child.stop()));
      await new Promise((resolve) => silent.close(resolve));
      await identities.remove();
    },
  };
}

describeEngine('meshd', make);
