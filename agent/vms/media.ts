// Disks and CDs of VMs that run.
import { AppError } from '../../contract/errors.ts';
import { maxVmWords } from '../../contract/limits.ts';
import { parseFilePath } from '../../core/vms/paths.ts';
import { whyUnusable, type ImageUse } from '../../host/images/headers.ts';
import { nameBelow } from './images.ts';
import { assertMay } from './nets.ts';
import type { VmParts } from './parts.ts';
import { assertLives } from './starting.ts';

/** `vm hotplug add`: a USB disk, which the guest can only read. */
export async function addDisk(
  id: number,
  { path: text, version }: { readonly path: string; readonly version: '1.1' | '2.0' },
  parts: VmParts,
): Promise<void> {
  const { book, running } = parts;
  assertMay(id, 'hotplug', parts);
  const { path, format, paths } = await ensureImage(text, 'disk', parts);
  const { hotplug } = assertMay(id, 'hotplug', parts);
  if (hotplug.length >= maxVmWords)
    throw new AppError('refused', `${hotplug.length} disks are plugged in: remove some`);
  const disk = Math.max(-1, ...hotplug.map((each) => each.id)) + 1;
  await book.update(id, (stored) => ({ ...stored, images: [...new Set([...stored.images, ...paths])] }));
  await assertLives(running.get(id), id).addUsbDisk({ id: disk, path, format, version });
  await book.updateRecord(id, (record) => ({ ...record, hotplug: [...record.hotplug, { id: disk, path, version }] }));
}

/** `vm hotplug remove`; null: all of them. */
export async function removeDisk(id: number, disk: number | null, parts: VmParts): Promise<void> {
  const { book, running } = parts;
  const { hotplug } = assertMay(id, 'hotplug', parts);
  const wanted = hotplug.filter((each) => disk === null || each.id === disk);
  // minimega's text.
  if (wanted.length === 0 && disk !== null) throw new AppError('not-found', 'no such hotplug device');
  for (const each of wanted) {
    await assertLives(running.get(id), id).removeUsbDisk(each.id);
    await book.updateRecord(id, (record) => ({
      ...record,
      hotplug: record.hotplug.filter((known) => known.id !== each.id),
    }));
  }
}

/** `vm cdrom change` and, without a path, `vm cdrom eject`. */
export async function changeCdrom(
  id: number,
  text: string | null,
  { force }: { readonly force: boolean },
  parts: VmParts,
): Promise<void> {
  const { book, running } = parts;
  assertMay(id, 'cdrom', parts);
  const image = text === null ? null : await ensureImage(text, 'cdrom', parts);
  assertMay(id, 'cdrom', parts);
  const vm = assertLives(running.get(id), id);
  if (image) {
    await book.update(id, (stored) => ({ ...stored, images: [...new Set([...stored.images, ...image.paths])] }));
    await vm.changeCdrom(image.path, { force });
  } else await vm.ejectCdrom({ force });
  const cdrom = image?.path ?? '';
  await book.updateRecord(id, (record) => ({ ...record, config: { ...record.config, cdrom } }));
}

/** An image below -filepath, fetched if need be. @throws AppError */
async function ensureImage(text: string, use: ImageUse, { files, stopping }: VmParts) {
  const { root } = files.store;
  const parsed = parseFilePath(text, root);
  if (!parsed.ok) throw new AppError('invalid', parsed.message);
  const name = nameBelow(parsed.value, root);
  await files.ensure(name, { signal: stopping });
  const chain = await files.describe(name);
  const [image] = chain;
  const why = image ? whyUnusable(name, image.facts, use) : null;
  if (why !== null) throw new AppError('refused', why);
  return {
    path: parsed.value,
    format: image?.facts.format === 'qcow2' ? 'qcow2' : 'raw',
    paths: chain.map((file) => `${root}/${file.name}`),
  };
}
