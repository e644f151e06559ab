// What the wizard begins with in a cluster that leaves no choice: the only file of a kind, and kernels where there is no disk image. Pure.
import { fits, type Image, type Images } from './cluster-facts.ts';
import type { LaunchValues } from './launch-values.ts';

export type StartValues = Pick<LaunchValues, 'boot' | 'disks' | 'kernel' | 'initrd'>;

export function startValues({ images, untold }: Images): StartValues {
  const disks = images.filter((image) => fits(image, 'disk') && image.format !== 'iso');
  const kernels = images.filter((image) => fits(image, 'kernel'));
  const initrds = images.filter((image) => fits(image, 'initrd'));
  // There may be others, which nodes have no row for.
  const only = (found: readonly Image[]) => (found.length === 1 && untold === 0 ? (found[0]?.name ?? '') : '');
  const disk = only(disks);
  const kernel = only(kernels);
  return {
    boot: disks.length === 0 && kernels.length > 0 ? 'kernel' : 'disk',
    disks: disk === '' ? [] : [disk],
    kernel,
    // An initrd goes with its kernel.
    initrd: kernel === '' ? '' : only(initrds),
  };
}
