// How a VM's QEMU is started: outside of meshd's own service, as a user that owns nothing else. Owns the argv in front of QEMU's and
// the number of that user; a pure file.
//
// With systemd, `systemd-run --scope` moves itself into a new scope and then becomes the program, so the pid that was started is QEMU's, and
// systemd ends nothing of it together with meshd. Without systemd, a new session (detached.ts) does the same.

/**
 * Users of VMs: this number and the VM's id. systemd calls 1879048192 to 2147483647 unused (docs/UIDS-GIDS.md), so no account and no container has
 * them; its own user keeps a guest that broke out of QEMU from other VMs too.
 */
const firstVmUser = 2_000_000_000;
const maxVmId = 100_000_000;

/** Group of images that not everyone may read: those VMs use get it (images.ts). */
export const imagesGroup = firstVmUser - 1;

/** User, and group, of the VM with this id. @throws RangeError beyond the range of users */
export function vmUser(id: number): number {
  if (!Number.isInteger(id) || id < 0 || id > maxVmId) throw new RangeError(`${id} is not the id of a VM`);
  return firstVmUser + id;
}

export interface LaunchPrefix {
  /** Null: the user of this process, which is not root. */
  readonly user: number | null;
  /** Beside its own: of images, and of /dev/kvm. */
  readonly groups: readonly number[];
  /** Name of its scope; null without systemd. */
  readonly unit: string | null;
}

/** argv that becomes `argv` as that user, in that scope, without any capability. */
export function launchArgv(argv: readonly string[], { user, groups, unit }: LaunchPrefix): string[] {
  const scope =
    unit === null
      ? []
      : ['systemd-run', '--scope', '--quiet', '--collect', `--unit=${unit}`, '--slice=meshd-vms.slice', '--'];
  const asUser =
    user === null
      ? []
      : [
          ...['setpriv', `--reuid=${user}`, `--regid=${user}`, `--groups=${[user, ...groups].join(',')}`],
          ...['--no-new-privs', '--inh-caps=-all', '--bounding-set=-all', '--'],
        ];
  return [...scope, ...asUser, ...argv];
}

/** Name for the scope of one start of the VM with this id; systemd may still be busy with the scope of the start before. */
export function scopeName(id: number, nowMs: number): string {
  return `meshd-vm-${id}-${nowMs.toString(36)}.scope`;
}
