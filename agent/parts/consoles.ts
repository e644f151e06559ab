// Screens and serial ports of this node's VMs: services for streams, and the `vnc` commands.
import { Consoles, type ConsolesComponents } from '../consoles/consoles.ts';
import { Pictures, type PicturesComponents } from '../consoles/pictures.ts';
import { Recordings, type RecordingsComponents } from '../consoles/recordings.ts';
import { createVncHandlers } from '../commands/vnc.ts';
import { eventOf } from '../../core/consoles/vnc-events.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import type { Part } from './part.ts';

export type ConsolesPartComponents = ConsolesComponents &
  PicturesComponents &
  RecordingsComponents & { readonly vms: Pick<LocalVms, 'list'> };

export function createConsolesPart(filePath: string, components: ConsolesPartComponents): Part {
  const { vms, clock } = components;
  const recordings = new Recordings(components);
  const onInput = (vm: number, message: Uint8Array) => {
    const event = recordings.isRecording(vm) ? eventOf(message) : null;
    if (event) recordings.hear(vm, event);
  };
  const consoles = new Consoles({ ...components, onInput });
  const pictures = new Pictures(components);
  return {
    handlers: createVncHandlers(filePath, { vms, recordings, now: () => clock.now() }),
    kinds: [],
    services: { ...consoles.services, pictures: (call) => pictures.serve(call) },
    async stop() {
      consoles.stop();
      pictures.stop();
      await recordings.stop();
    },
  };
}
