// Consoles of VMs: the sockets that a minimega keeps for each VM below its base folder, `<id>/vnc` and `<id>/serial<n>`. Who may only look sends
// nothing that types.
import { duplexPair, pipeline, Transform, type Duplex } from 'node:stream';
import * as z from 'zod';
import { AppError } from '../../../contract/errors.ts';
import { RfbClient } from '../../../core/consoles/rfb-client.ts';
import { quoteWord } from '../../../core/commands/tokens.ts';
import type { StreamRequest } from '../engine.ts';
import { readVms, recordsOf } from './answers.ts';
import type { Asker } from './asker.ts';

const Vnc = z.object({ vm: z.int().min(0), input: z.boolean().default(false) });
const Serial = Vnc.extend({ port: z.int().min(0).max(255) });

export interface Console {
  readonly vm: number;
  readonly isScreen: boolean;
  /** Below the base folder. */
  readonly path: string;
  /** What of a page's bytes the VM gets. */
  readonly filter: (bytes: Buffer) => Uint8Array;
}

/** @throws AppError `refused` for what minimega has no console for */
export function consoleOf({ service, args }: StreamRequest): Console {
  if (service === 'vnc') {
    const { vm, input } = parse(Vnc, args);
    const client = new RfbClient({ mayInput: () => input });
    return { vm, isScreen: true, path: `${vm}/vnc`, filter: (bytes) => client.push(bytes) };
  }
  if (service === 'serial') {
    const { vm, port, input } = parse(Serial, args);
    const filter = (bytes: Buffer) => (input ? bytes : new Uint8Array(0));
    return { vm, isScreen: false, path: `${vm}/serial${port}`, filter };
  }
  throw new AppError('refused', `minimega has no service ${service}: its nodes run no meshd`);
}

/** The port by which minimega shows a screen to everyone, for a node that the console does not log in to. @throws AppError `refused` */
export async function screenPortOf(client: Asker, node: string, vm: number): Promise<number> {
  const names = recordsOf((await client.ask('namespace'))[0]).map(({ namespace = '' }) => namespace);
  for (const name of names) {
    const entry = (await client.ask(`namespace ${quoteWord(name)} vm info`)).find(({ Host }) => Host === node);
    const port = entry && entry.Error === '' ? readVms(entry).find(({ ID }) => ID === vm)?.VNCPort : undefined;
    if (port) return port;
  }
  throw new AppError('refused', `${node} shows no screen of VM ${vm}: it has to run`);
}

/** The socket behind its filter. */
export function filtered(socket: Duplex, filter: Console['filter']): Duplex {
  const [page, inner] = duplexPair();
  const gate = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, filter(chunk));
    },
  });
  const end = () => {
    socket.destroy();
    inner.destroy();
  };
  // Each direction ends on its own; one that breaks ends both.
  pipeline(inner, gate, socket, (error) => {
    if (error) end();
  });
  pipeline(socket, inner, (error) => {
    if (error) end();
  });
  page.on('error', () => undefined).on('close', end);
  return page;
}

function parse<T>(schema: z.ZodType<T>, args: unknown): T {
  const parsed = schema.safeParse(args);
  if (!parsed.success) throw new AppError('refused', 'a console is named by the id of its VM, and by its port');
  return parsed.data;
}
