// One member with files as a process, for the files bench and its tests: a real meshd on the loopback, over a folder of this disk. Its
// standard input takes what the command socket has no command for. Arguments: a name, then meshd's flags.
//   in:  slow <ms>   out: slow          each read of a chunk takes so much longer from now on
//   in:  served      out: served <n>    bytes that were read for other nodes
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from '../agent/daemon.ts';
import { createLog, type LogLevel } from '../agent/log.ts';
import { AppError, describeError } from '../contract/errors.ts';
import { parseFlags } from '../core/flags.ts';
import { createLinuxStore } from '../host/images/linux-store.ts';
import type { FileStore, OpenFile } from '../host/images/image-store.ts';
import { createMemoryMachine } from '../host/memory-machine.ts';
import { localRunner } from '../host/runner.ts';

const [name = '', ...argv] = process.argv.slice(2);
let slowMs = 0;
let servedBytes = 0;

/** Files are read for other nodes, and a few times for what kind of image they are. */
function watched(store: FileStore): FileStore {
  return {
    ...store,
    async open(file) {
      const opened: OpenFile = await store.open(file);
      return {
        ...opened,
        async read(offset, length) {
          if (slowMs > 0) await sleep(slowMs);
          const data = await opened.read(offset, length);
          servedBytes += data.length;
          return data;
        },
      };
    },
  };
}

async function main(): Promise<void> {
  const parsed = parseFlags(argv);
  if (!parsed.ok) throw new AppError('invalid', parsed.message);
  const { flags } = parsed;
  const ended = Promise.withResolvers<undefined>();
  process.on('SIGTERM', () => ended.resolve(undefined));
  const daemon = await startDaemon(
    { flags, programPath: new URL('../agent/main.ts', import.meta.url).pathname },
    {
      log: createLog({ level: flags.level as LogLevel, file: '' }),
      machine: createMemoryMachine({ name, number: 1 }),
      files: watched(createLinuxStore(flags.filepath, { runner: localRunner })),
      onQuit: () => ended.resolve(undefined),
    },
  );
  createInterface({ input: process.stdin }).on('line', (line) => {
    const [word = '', value = ''] = line.split(' ');
    if (word === 'slow') slowMs = Number(value);
    console.log(word === 'served' ? `served ${servedBytes}` : word);
  });
  console.log('ready');
  await ended.promise;
  await daemon.stop();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(`${name}: ${describeError(error)}`);
    process.exit(1);
  },
);
