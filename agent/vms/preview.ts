// A VM that does not exist yet, as its command line would be: what a configuration says that QEMU would refuse is found before any host is asked.
import type { VmConfig } from '../../core/vms/config.ts';
import type { QemuMachine } from '../../core/vms/qemu-args.ts';

/** Stands for what hosts decide: ids, folders, taps, formats and the accelerator. */
export function previewMachine(config: VmConfig): QemuMachine {
  return {
    id: 0,
    name: '0',
    uuid: config.uuid,
    config,
    folder: '/0',
    disks: config.disks.map((disk) => ({ ...disk, format: 'raw' })),
    nics: config.networks.map(({ mac, driver }, index) => ({
      tap: `mega_tap${index}`,
      mac: mac === '' ? '02:00:00:00:00:00' : mac,
      driver,
      hasOffload: true,
    })),
    accelerator: 'kvm',
  };
}
