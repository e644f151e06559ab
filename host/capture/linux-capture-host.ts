// Captures on a Linux machine: tcpdump on a VM's tap, or on the port of a mirror of a bridge; flows by Open vSwitch itself. A tap is seen by
// tcpdump whichever datapath the bridge has, since the kernel copies what passes its interfaces to who listens.
import { AppError } from '../../contract/errors.ts';
import { addMirror, removeMirrors, type SwitchAccess } from './bridge-mirror.ts';
import type { CaptureHost, Taking } from './capture-host.ts';
import { startFlowExport } from './flow-collector.ts';
import { compileFilter, startTcpdump } from './tcpdump.ts';

export function createLinuxCaptureHost(access: SwitchAccess): CaptureHost {
  return {
    checkFilter: compileFilter,

    async take({ id, place, ...options }): Promise<Taking> {
      if (place.kind === 'tap') return startTcpdump({ ...options, device: place.tap }, access.within);
      const remove = () => removeMirrors(access, (mark) => mark === String(id));
      const device = await addMirror(access, id, place.bridge);
      const onEnd = (why: string) => {
        // Its port may be gone with the bridge; what is left of it is removed before anybody learns of the end.
        void remove()
          .catch(() => undefined)
          .then(() => options.onEnd(why));
      };
      let taking: Taking;
      try {
        taking = await startTcpdump({ ...options, device, onEnd }, access.within);
      } catch (error) {
        await remove().catch(() => undefined);
        throw error;
      }
      return {
        async stop() {
          const end = await taking.stop();
          try {
            await remove();
          } catch (cause) {
            const left = `ovs-vsctl del-port ${device}`;
            throw new AppError('failed', `the copy of ${place.bridge} could not be ended: \`${left}\``, { cause });
          }
          return end;
        },
      };
    },

    exportFlows: (options) => startFlowExport(options, access),
    removeLeftovers: () => removeMirrors(access, () => true),
  };
}
