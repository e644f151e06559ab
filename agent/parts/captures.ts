// Captures of this node: the `capture` commands, rows of the kind `captures`, and the streams that pages read of them.
import { rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openBelow } from '../../host/below.ts';
import { openCaptureFile } from '../../host/capture/capture-file.ts';
import type { CaptureHost } from '../../host/capture/capture-host.ts';
import { writeFileAtomic } from '../../host/files.ts';
import { Captures } from '../capture/captures.ts';
import { createCaptureServices } from '../capture/services.ts';
import { CaptureSettingsBook } from '../capture/settings.ts';
import { createCaptureHandlers } from '../commands/capture.ts';
import { readIfThere } from '../identity/authority.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../mesh/clock.ts';
import type { NamespaceContent } from '../namespaces/content.ts';
import { captureSource } from '../rows/capture-rows.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import type { Part } from './part.ts';

export interface CapturesPartOptions {
  readonly nodeId: string;
  readonly stateFolder: string;
  /** -filepath on this host. */
  readonly filesPath: string;
  /** The same as commands name it. */
  readonly root: string;
}

export interface CapturesPartComponents {
  readonly host: CaptureHost;
  readonly vms: Pick<LocalVms, 'list'> & { readonly isInUse: (path: string) => boolean };
  readonly clock: Clock;
  readonly log: Log;
}

export interface CapturesPart extends Part {
  /** What a namespace has here: captures that run, and settings. */
  readonly content: NamespaceContent;
}

export async function createCapturesPart(
  { nodeId, stateFolder, filesPath, root }: CapturesPartOptions,
  { host, vms, clock, log }: CapturesPartComponents,
): Promise<CapturesPart> {
  const path = join(stateFolder, 'captures.json');
  const captures = await Captures.open({
    host,
    store: {
      read: () => readIfThere(path),
      write: (text) => writeFileAtomic(path, text),
      setAside: () => rename(path, `${path}.damaged`),
    },
    openFile: (name) => openCaptureFile(filesPath, name),
    isInUse: (name) => vms.isInUse(join(root, name)),
    sizeOf: (name) =>
      stat(join(filesPath, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    clock,
    log,
  });
  const settings = new CaptureSettingsBook();
  return {
    handlers: createCaptureHandlers({ captures, settings, vms, root }),
    kinds: [captureSource(nodeId, captures)],
    services: createCaptureServices({ captures, openFile: (name) => openBelow(filesPath, name) }),
    content: {
      async end(namespace) {
        settings.forget(namespace);
        const ids = captures.list(namespace).map(({ id }) => id);
        await captures.end(ids);
        await captures.forget(ids);
        return [];
      },
    },
    stop: () => captures.stop(),
  };
}
