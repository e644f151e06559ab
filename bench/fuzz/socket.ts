// Fuzzed clients on the command socket of a real meshd, several side by side. After each batch the daemon must answer
// `mesh status` rightly; at the end it is the same process, with as much memory and as many descriptors as after the warm-up.
import { once } from 'node:events';
import { connectSocket } from '../../host/command-socket.ts';
import { JsonSplitter } from '../../contract/json-stream.ts';
import { maxResponseBytes } from '../../contract/limits.ts';
import { createRandom, type Random } from '../console/random.ts';
import type { Report } from '../report.ts';
import { createDialogue, type Dialogue } from './command-inputs.ts';
import { Daemons } from './daemons.ts';
import { comes, descriptorsOf, type Faults, type Memory } from './process-facts.ts';

export interface SocketFuzzOptions {
  readonly inputs: number;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Each part has its own ports, so that two may run side by side. */
const firstPort = 17_300;
const sideBySide = 4;
const batchInputs = 2_000;
const answersTimeoutMs = 60_000;
/** Variables and namespaces that the daemon keeps by design. At 120,000 inputs, 75 leaked bytes of each would be more. */
const keptGrowthMb = 8;
/** Beside these, what allocators keep for the next burst of large answers. */
const residentGrowthMb = 64;

export async function fuzzSocket(report: Report, faults: Faults, options: SocketFuzzOptions): Promise<void> {
  const { inputs, seed, signal } = options;
  report.heading('Command socket');
  const daemons = await Daemons.create(2, firstPort, faults);
  try {
    await daemons.start(0);
    await daemons.start(1);
    const counts = { inputs: 0, connections: 0, answers: 0 };
    await checkStatus(daemons, faults);
    const pid = daemons.pidOf(0);
    let before: Look | null = null;
    const looks: Look[] = [];
    while (counts.inputs < inputs && !signal.aborted) {
      const until = Math.min(inputs, counts.inputs + batchInputs);
      await Promise.all(
        Array.from({ length: sideBySide }, async () => {
          while (counts.inputs < until && !signal.aborted) {
            // By its number, so that a fault can be met again whichever connection was faster.
            const number = counts.connections;
            const random = createRandom(seed ^ Math.imul(number, 0x9e3779b1));
            const dialogue = createDialogue(random, until - counts.inputs);
            counts.inputs += dialogue.inputs;
            counts.connections += 1;
            const onFault = (text: string) => faults.add(`dialogue ${number} of seed ${seed}: ${text}`);
            // Added after the wait: the others count meanwhile.
            const answers = await hold(daemons.socketOf(0), dialogue, { random, onFault });
            counts.answers += answers;
          }
        }),
      );
      await checkStatus(daemons, faults);
      // The first tenth warms up: code is compiled, heaps have their size.
      if (before === null && counts.inputs >= inputs / 10) before = await look(daemons);
      // Whether it grows on and on, or fills up what has a bound.
      if (counts.inputs >= ((looks.length + 1) * inputs) / 4) looks.push(await look(daemons));
    }
    signal.throwIfAborted();
    report.figure('inputs', 'fuzzed inputs', { unit: '', samples: [counts.inputs] });
    report.figure('connections', 'connections', { unit: '', samples: [counts.connections] });
    report.figure('answers', 'answers read', { unit: '', samples: [counts.answers], goal: { at: 'least', value: 1 } });
    for (const [key, what, most] of [
      ['keptMb', 'kept memory', keptGrowthMb],
      ['residentMb', 'resident memory', residentGrowthMb],
    ] as const) {
      const warm = before?.[key] ?? NaN;
      report.figure(`${key}-warm`, `${what} after warm-up`, { unit: 'MB', samples: [warm] });
      for (const [at, look] of looks.entries())
        report.figure(`${key}-${at + 1}`, `${what} after ${at + 1} of 4 parts`, { unit: 'MB', samples: [look[key]] });
      report.figure(`${key}-grown`, `${what} grown by after the warm-up`, {
        unit: 'MB',
        samples: [(looks.at(-1)?.[key] ?? NaN) - warm],
        goal: { at: 'most', value: most },
      });
    }
    const most = before?.descriptors ?? 0;
    await comes(async () => (await descriptorsOf(pid)) <= most);
    report.figure('descriptors', 'open descriptors at the end', {
      unit: '',
      samples: [await descriptorsOf(pid)],
      goal: { at: 'most', value: most },
    });
  } finally {
    await daemons.stop();
  }
}

interface Look extends Memory {
  readonly descriptors: number;
}

/** Memory and descriptors at rest, without the lines of history, which have their own bound. */
async function look(daemons: Daemons): Promise<Look> {
  await daemons.ask(0, 'clear history');
  return { ...(await daemons.memoryOf(0)), descriptors: await descriptorsOf(daemons.pidOf(0)) };
}

/** Fuzzed commands may have set degrees and ended links: both are set right, and then the mesh must be whole again. */
async function checkStatus(daemons: Daemons, faults: Faults): Promise<void> {
  let last = '';
  const isRight = async () => {
    for (const index of [0, 1]) await daemons.ask(index, 'mesh degree 3');
    const { rows, error } = await daemons.ask(0, 'mesh status');
    last = error || JSON.stringify(rows);
    const [row, ...more] = rows;
    return more.length === 0 && row?.join(' ') === `2 3 1 bench ${daemons.node(0).port}`;
  };
  const isSo = await comes(isRight).catch((reason: unknown) => {
    last = String(reason);
    return false;
  });
  if (!isSo) faults.add(`mesh status answered ${last}`);
}

interface Tools {
  readonly random: Random;
  readonly onFault: (text: string) => void;
}

/** One connection from its start to its end; gives the number of answers. Each answer must be a JSON object of ours. */
async function hold(path: string, dialogue: Dialogue, tools: Tools): Promise<number> {
  const { random, onFault } = tools;
  const socket = await connectSocket(path);
  const closed = once(socket, 'close');
  const splitter = new JsonSplitter(maxResponseBytes);
  let answers = 0;
  if (dialogue.ending === 'deaf') socket.pause();
  else {
    socket.on('data', (chunk: Buffer) => {
      const { texts, error } = splitter.push(chunk);
      answers += texts.length;
      if (error) onFault(`an answer is not JSON: ${error.message}`);
      for (const text of texts) {
        if (!isAnswer(text)) onFault(`not an answer: ${text}`);
      }
    });
  }
  for (const bytes of dialogue.writes) {
    if (socket.destroyed || !socket.writable) break;
    socket.write(bytes);
    if (random.below(2) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  if (dialogue.ending === 'end') {
    socket.end();
    const timer = setTimeout(() => {
      onFault(`a connection did not end within a minute: ${describe(dialogue)}`);
      socket.destroy();
    }, answersTimeoutMs);
    await closed;
    clearTimeout(timer);
  } else {
    // Some of the answers are on their way then.
    for (let turns = random.below(20); turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    await closed;
  }
  return answers;
}

function isAnswer(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && ('Resp' in value || 'Hello' in value || 'Watch' in value);
  } catch {
    return false;
  }
}

function describe({ writes }: Dialogue): string {
  return JSON.stringify(Buffer.concat(writes).toString('latin1')).slice(0, 800);
}
