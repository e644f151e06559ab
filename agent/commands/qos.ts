// `qos`: what happens to frames on their way to NICs of VMs of this host. Texts are minimega's where it has one.
import { responseEntry } from '../../contract/command-socket.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import {
  addQos,
  noQos,
  parseDelay,
  parseLoss,
  parseRate,
  rateUnits,
  type Qos,
  type RateUnit,
} from '../../core/net/qos.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import type { Result } from '../../core/vms/result.ts';
import type { CommandCall, Handler, Handlers } from './handler.ts';
import { throwErrors, vmsMeant, wordOf } from './vm-targets.ts';

export function createQosHandlers({ vms }: { readonly vms: Pick<LocalVms, 'list' | 'shapeNet'> }): Handlers {
  const each = async (call: CommandCall, act: (vm: VmRecord) => Promise<void>) => {
    const meant = vmsMeant(call, vms);
    const results = await Promise.all(
      meant.vms.map((vm) =>
        act(vm).then(
          () => ({ vm, error: '' }),
          (error: unknown) => ({ vm, error: describeError(error) || 'unknown error' }),
        ),
      ),
    );
    throwErrors(results, meant.isSingle);
    return [responseEntry(call.host, {})];
  };
  const add =
    (read: (call: CommandCall) => Partial<Qos>): Handler =>
    (call) => {
      const added = read(call);
      return each(call, ({ id }) =>
        vms.shapeNet(id, indexOf(wordOf(call, 'interface')), (before) => addQos(before, added)),
      );
    };
  return {
    'qos <add,> <vm target> <interface> <rate,> <bw> <kbit,mbit,gbit>': add((call) =>
      valid(parseRate(wordOf(call, 'bw'), unitOf(call))),
    ),
    'qos <add,> <vm target> <interface> <loss,> <percent>': add((call) => ({
      lossPercent: valid(parseLoss(wordOf(call, 'percent'))),
    })),
    'qos <add,> <vm target> <interface> <delay,> <duration>': add((call) => ({
      delayUs: valid(parseDelay(wordOf(call, 'duration'))),
    })),
    'clear qos <vm target> [tap index]': (call) => {
      const text = call.command.words['tap'] ?? 'all';
      const index = text === 'all' ? null : indexOf(text);
      return each(call, async ({ id, nets }) => {
        const indexes = index === null ? nets.keys() : [index];
        for (const at of indexes) await vms.shapeNet(id, at, () => noQos);
      });
    },
  };
}

/** From 0 up. @throws AppError with minimega's texts */
function indexOf(text: string): number {
  if (text === '*') throw new AppError('invalid', 'wildcard qos not implemented');
  if (!/^\d{1,4}$/.test(text)) throw new AppError('invalid', `invalid tap index specified: ${text.slice(0, 20)}`);
  return Number(text);
}

const unitOf = ({ command }: CommandCall): RateUnit =>
  (Object.keys(rateUnits) as RateUnit[]).find((unit) => command.words[unit] !== undefined) ?? 'kbit';

function valid<T>(result: Result<T>): T {
  if (!result.ok) throw new AppError('invalid', result.message);
  return result.value;
}
