// Screens and serial ports of VMs as streams of pages. Owns what is more than bytes: who may type, and who has the keyboard. What a node's service takes is
// in contract/consoles.ts, and what goes over the WebSocket in contract/streams.ts.
//
// INVARIANTS: the node drops all input of who may not act; here what passes is decided for each message, by who has the keyboard at that moment.
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { keyboardTakenMs } from '../../contract/console-limits.ts';
import { isAtLeast } from '../../contract/role-order.ts';
import type { Role } from '../../contract/roles.ts';
import { takeKeyboard, type ConsoleNews } from '../../contract/streams.ts';
import { RfbClient } from '../../core/consoles/rfb-client.ts';
import type { Caller, Fleet } from '../ports.ts';
import { Desks, type Seat } from './desks.ts';
import { joinStream } from './join.ts';
import type { PreparedStream, ServiceCall, StreamServices } from './service.ts';

const ofVm = { vm: z.int().min(0) };
const VncArgs = z.strictObject(ofVm);
const SerialArgs = z.strictObject({ ...ofVm, port: z.int().min(0).max(255) });

const acts = (role: Role) => isAtLeast(role, 'operator');

interface ConsoleCall extends ServiceCall {
  readonly vm: number;
  /** `vnc`, or `serial0` and so on. */
  readonly console: string;
  readonly nodeArgs: Readonly<Record<string, unknown>>;
}

/** What passes of a page's bytes, and what is sent for it when it loses the keyboard. */
interface Gate {
  readonly filter: (data: Buffer) => Uint8Array;
  readonly release: () => Uint8Array;
}
const nothing = new Uint8Array(0);

export function createConsoleServices(
  { now }: { readonly now: () => number },
  { fleet }: { readonly fleet: Pick<Fleet, 'vm'> },
): StreamServices {
  const desks = new Desks();

  const prepare = (call: ConsoleCall, gateOf: (mayInput: () => boolean) => Gate): PreparedStream => {
    const { caller, cluster, node, console, vm, nodeArgs } = call;
    const input = acts(caller.role);
    const row = fleet.vm(cluster, node, vm);
    const of = row ? `${row.Name} (VM ${vm} in ${row.Namespace})` : `VM ${vm}`;
    return {
      what: `${console} of ${of}${input ? '' : ', to look'}`,
      whyNot: (role) =>
        acts(role) === input ? null : `Your role is now ${role}: open the console again, to ${input ? 'look' : 'act'}.`,
      node: {
        args: { ...nodeArgs, vm, input },
        join(socket, stream) {
          // By the node's id, where it is known: a node may be named in two ways.
          const desk = [row?.Cluster ?? cluster, row?.Node ?? node, vm].join('\0');
          return joinDesk(socket, stream, { ...call, of, desk, input, gateOf });
        },
      },
    };
  };

  const joinDesk = (
    socket: WebSocket,
    stream: Duplex,
    facts: {
      readonly caller: Caller;
      readonly console: string;
      readonly audit: ServiceCall['audit'];
      readonly of: string;
      readonly desk: string;
      readonly input: boolean;
      readonly gateOf: (mayInput: () => boolean) => Gate;
    },
  ): (() => void) => {
    const { caller, console, audit, of, desk, input } = facts;
    let seat: Seat | null = null;
    let takenAt = Number.NEGATIVE_INFINITY;
    const gate = facts.gateOf(() => seat?.hasKeyboard ?? false);
    seat = desks.sit(desk, {
      name: caller.name,
      console,
      mayInput: input,
      onChange(watchers) {
        const news: ConsoleNews = { watchers };
        if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(news));
      },
      onLost() {
        const release = gate.release();
        if (release.length > 0 && !stream.destroyed) stream.write(release);
      },
    });
    const own = seat;
    joinStream(socket, stream, {
      filter: gate.filter,
      onText(text) {
        if (text !== takeKeyboard) return false;
        if (now() - takenAt < keyboardTakenMs || !own.take()) return true;
        takenAt = now();
        audit(`take the keyboard: ${console} of ${of}`);
        return true;
      },
    });
    return () => own.leave();
  };

  return {
    vnc: {
      role: 'viewer',
      args: VncArgs,
      prepare(call) {
        const { vm } = VncArgs.parse(call.args);
        return prepare({ ...call, vm, console: 'vnc', nodeArgs: {} }, (mayInput) => {
          const client = new RfbClient({ mayInput });
          return { filter: (data) => client.push(data), release: () => client.release() };
        });
      },
    },
    serial: {
      role: 'viewer',
      args: SerialArgs,
      prepare(call) {
        const { vm, port } = SerialArgs.parse(call.args);
        return prepare({ ...call, vm, console: `serial${port}`, nodeArgs: { port } }, (mayInput) => ({
          filter: (data) => (mayInput() ? data : nothing),
          release: () => nothing,
        }));
      },
    },
  };
}
