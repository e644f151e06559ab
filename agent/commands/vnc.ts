// `vnc`: typing on screens of VMs, recording what is typed there, and typing it again. Columns and texts are minimega's where it has one.
import type { FileHandle } from 'node:fs/promises';
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { maxVncRecordingBytes, maxVncTypedCharacters } from '../../contract/limits.ts';
import { keysOf, keysymOf } from '../../core/consoles/keysyms.ts';
import { parseEvent, parseRecording, type VncEvent } from '../../core/consoles/vnc-events.ts';
import { describeDuration } from '../../core/go-duration.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import { readFileBelow, resolveBelow } from '../../host/below.ts';
import { openAppendBelow } from '../../host/text-below.ts';
import type { Recordings } from '../consoles/recordings.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import type { CommandCall, Handler, Handlers } from './handler.ts';
import { throwErrors, vmNamed, vmsMeant, wordOf } from './vm-targets.ts';

export interface VncComponents {
  readonly vms: Pick<LocalVms, 'list'>;
  readonly recordings: Recordings;
  readonly now: () => number;
}

export function createVncHandlers(filePath: string, { vms, recordings, now }: VncComponents): Handlers {
  /** For each VM that is meant; the first answer that says something. */
  const each =
    (act: (vm: VmRecord, call: CommandCall) => Promise<string | undefined> | string | undefined): Handler =>
    async (call) => {
      const meant = vmsMeant(call, vms);
      const texts: string[] = [];
      const results = await Promise.all(
        meant.vms.map(async (vm) => {
          try {
            const text = await act(vm, call);
            if (text !== undefined && text !== '') texts.push(meant.isSingle ? text : `${vm.name}: ${text}`);
            return { vm, error: '' };
          } catch (error) {
            if (!(error instanceof AppError)) throw error;
            return { vm, error: error.message };
          }
        }),
      );
      throwErrors(results, meant.isSingle);
      return answer(call, { Response: texts.join('\n') });
    };
  const only =
    (act: (vm: VmRecord, call: CommandCall) => Promise<void>): Handler =>
    async (call) => {
      if (call.command.words['fb'] !== undefined)
        throw new AppError('refused', 'not in meshd: `vnc record fb`; nearest: `vm screenshot`');
      await act(vmNamed(call, vms), call);
      return answer(call);
    };
  return {
    vnc: (call) => {
      const rows = recordings
        .list(call.namespace)
        .map(({ name, type, startedAt, file }) => [name, type, describeDuration((now() - startedAt) * 1e6), file]);
      return Promise.resolve(
        answer(call, { Header: ['name', 'type', 'time', 'filename'], Tabular: rows.length === 0 ? null : rows }),
      );
    },
    'clear vnc': async (call) => {
      await Promise.all(recordings.list(call.namespace).map(({ vm }) => recordings.end(vm)));
      return answer(call);
    },
    'vnc <record,> <kb,fb> <vm name> <filename>': only(async (vm, call) => {
      assertRuns(vm);
      if (recordings.isRecording(vm.id)) throw new AppError('conflict', `kb recording ${vm.name} already running`);
      const name = wordOf(call, 'filename');
      const file = await emptyFile(filePath, name);
      try {
        recordings.record(place(vm), textFile(file), await resolveBelow(filePath, name));
      } catch (error) {
        await file.close();
        throw error;
      }
    }),
    'vnc <stop,> <kb,fb> <vm name>': only(async (vm) => {
      if (!(await recordings.stopRecording(vm.id)))
        throw new AppError('not-found', `kb recording ${vm.name} not running`);
    }),
    'vnc <play,> <vm target> <filename>': async (call) => {
      const name = wordOf(call, 'filename');
      const parsed = parseRecording(await readFileBelow(filePath, name, { maxBytes: maxVncRecordingBytes }), name);
      if (!parsed.ok) throw new AppError('invalid', parsed.message);
      const path = await resolveBelow(filePath, name);
      return each(async (vm) => {
        assertRuns(vm);
        await recordings.play(place(vm), parsed.events, path);
        return undefined;
      })(call) as Promise<ResponseEntry[]>;
    },
    'vnc <stop,> <vm target>': each((vm) => {
      if (!recordings.stopPlayback(vm.id)) throw new AppError('not-found', `kb playback ${vm.name} not running`);
      return undefined;
    }),
    'vnc <pause,> <vm target>': each((vm) => {
      recordings.pause(place(vm), true);
      return undefined;
    }),
    'vnc <continue,> <vm target>': each((vm) => {
      recordings.pause(place(vm), false);
      return undefined;
    }),
    'vnc <step,> <vm target>': each((vm) => {
      recordings.step(place(vm));
      return undefined;
    }),
    'vnc <getstep,> <vm target>': each((vm) => recordings.nextStep(place(vm))),
    'vnc <inject,> <vm target> <cmd>': each(async (vm, call) => {
      const parsed = parseEvent(wordOf(call, 'cmd'));
      if (!parsed.ok) throw new AppError('invalid', parsed.message);
      assertRuns(vm);
      await recordings.send(vm.id, [parsed.event]);
      return undefined;
    }),
    'vnc <type,> <vm target> <str>...': each(async (vm, call) => {
      const events = eventsOf((call.command.lists['str'] ?? []).join(' '));
      assertRuns(vm);
      await recordings.send(vm.id, events);
      return undefined;
    }),
  };
}

const place = ({ id, name, namespace }: VmRecord) => ({ vm: id, name, namespace });

/** @throws AppError `refused` */
function assertRuns({ name, state }: VmRecord): void {
  if (state === 'QUIT' || state === 'ERROR') throw new AppError('refused', `vm not running: ${name}`);
}

/** Keys down and up, with Shift around those that need it. @throws AppError `invalid` */
function eventsOf(text: string): VncEvent[] {
  if (text.length > maxVncTypedCharacters)
    throw new AppError('invalid', `more than ${maxVncTypedCharacters} characters: \`vnc play\` types files`);
  return Array.from(text).flatMap((character) => {
    const keys = keysOf(character);
    if (keys === null) throw new AppError('invalid', `unknown key: \`${character}\``);
    const syms = keys.map((name) => keysymOf(name) ?? 0);
    const event = (keysym: number, isDown: boolean): VncEvent => ({ kind: 'key', isDown, keysym });
    return [...syms.map((keysym) => event(keysym, true)), ...[...syms].reverse().map((keysym) => event(keysym, false))];
  });
}

/** A text file for writing, empty. @throws AppError as openAppendBelow */
async function emptyFile(filePath: string, name: string): Promise<FileHandle> {
  const file = await openAppendBelow(filePath, name);
  await file.truncate(0);
  return file;
}

function textFile(file: FileHandle) {
  return {
    append: async (line: string) => {
      await file.write(line);
    },
    close: () => file.close(),
  };
}

function answer({ host }: CommandCall, part: Partial<Omit<ResponseEntry, 'Host'>> = {}): ResponseEntry[] {
  return [responseEntry(host, part)];
}
