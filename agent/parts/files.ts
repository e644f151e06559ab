// Files below -filepath: the `file` and `disk` commands, this node's rows of the kind `files`, and the service that other members fetch from.
import { describeError } from '../../contract/errors.ts';
import { openDownload } from '../../host/download.ts';
import type { FileStore } from '../../host/images/image-store.ts';
import { createDiskHandlers } from '../commands/disk.ts';
import { createFileHandlers } from '../commands/file.ts';
import { Disks, type DisksComponents } from '../files/disks.ts';
import { fileSource } from '../files/file-rows.ts';
import { Files } from '../files/files.ts';
import type { RosterStore } from '../identity/roster-store.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../mesh/clock.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Part } from './part.ts';

export interface FilesPartComponents {
  readonly mesh: Mesh;
  readonly roster: Pick<RosterStore, 'roster'>;
  readonly store: FileStore;
  /** Whether a VM of this node uses a file. */
  readonly isInUse: (path: string) => boolean;
  readonly usersOf: DisksComponents['usersOf'];
  readonly clock: Clock;
  readonly log: Log;
}

export function createFilesPart({
  mesh,
  roster,
  store,
  isInUse,
  usersOf,
  clock,
  log,
}: FilesPartComponents): Part & { readonly files: Files } {
  const headId = () => roster.roster.head;
  const files = new Files({ mesh, store, isInUse, clock, log, random: Math.random, headId, openDownload });
  const disks = new Disks({ files, usersOf, newDigits: () => String(Math.floor(Math.random() * 1e9)) });
  const onError = (error: unknown) => {
    log.warn(`the files of this host cannot be listed: ${describeError(error)}`);
  };
  return {
    files,
    handlers: { ...createFileHandlers({ files, now: () => clock.now() }), ...createDiskHandlers(disks, store.root) },
    kinds: [fileSource({ nodeId: mesh.nodeId }, { files, clock, onError })],
    services: files.services,
    stop: () => {
      files.stop();
    },
  };
}
