// One run whose console is killed -9 and started again, over and over, while the run is at work. Shared by the lab test in
// which one run goes through all kills, and by the drills that give each kill its own run.
import type { RunState, StepView } from '../contract/plans.ts';
import { isStepDone } from '../core/plans/run-state.ts';
import type { ConsoleClient } from '../lib/client.ts';
import { logIn, openBrowser, processesWith, readJournal, RunWatch, startConsole } from './console.ts';

/** When to kill: a step of this kind is in the journal as at work, as asking, or as over. */
export interface Kill {
  /** First word of the step's key. */
  readonly verb: string;
  readonly moment: 'running' | 'asking' | 'done';
}

const killsOf = (verbs: readonly string[]): Kill[] =>
  verbs.flatMap((verb) => [
    { verb, moment: 'running' as const },
    { verb, moment: 'done' as const },
  ]);

/** In and after each kind of step of an add-nodes run with all its options, and while it asks. */
export const addKills: readonly Kill[] = [
  ...killsOf(['pinHostKey', 'ensureKey', 'ensureRootKeyLogin', 'proveKeyLogin', 'observePreflight', 'ensurePackages']),
  { verb: 'ensurePasswordLoginOff', moment: 'asking' },
  ...killsOf(['ensurePasswordLoginOff']),
];
/** In and after each kind of step of a deploy run. */
export const deployKills: readonly Kill[] = killsOf([
  'ensureHeadKey',
  'ensureHeadPins',
  'ensureTree',
  'ensureHeadService',
  'registerCluster',
  'ensureHeadAccess',
  'ensureMeshd',
]);

export interface KilledRunOptions {
  readonly dataPath: string;
  /** Starts the run. */
  readonly start: (client: ConsoleClient) => Promise<unknown>;
  readonly kills: readonly Kill[];
  /** Given when the run asks for secrets, under the names that it asks for. */
  readonly password: string;
  /** The nodes' sshd is stopped between the two calls, so that no step ends before the test looks. */
  readonly hold: () => Promise<void>;
  readonly letGo: () => Promise<void>;
}

export interface KilledRun {
  readonly id: string;
  readonly state: RunState;
  readonly steps: ReadonlyMap<string, StepView>;
  /** What was cut off at each kill: steps that the journal had as at work, or as over for the first time. */
  readonly kills: readonly (readonly string[])[];
  /** Kills for which the moment never came. */
  readonly missed: readonly Kill[];
  /** Steps that were over at a kill and have another end now: done twice. */
  readonly redone: readonly string[];
  /** Secrets that it asked for, at each time. */
  readonly asked: readonly (readonly string[])[];
  /** Processes that had the password in their arguments or environment, at any time. */
  readonly leaks: readonly string[];
}

/** A login ends after 10 s, and the nodes were held for longer on a loaded machine: then the run says so, and a person retries. */
function isHeldTooLong({ summary, steps }: RunWatch): boolean {
  const failed = [...steps.values()].filter(({ state }) => state === 'failed');
  return summary.state === 'failed' && failed.every(({ error }) => error.includes('no SSH login within'));
}

const isOver = (view: StepView | undefined) => view !== undefined && isStepDone(view.state);
const momentOf = (view: StepView) => `${view.key.split(' ')[0] ?? ''} ${isOver(view) ? 'done' : view.state}`;

export async function runThroughKills(options: KilledRunOptions): Promise<KilledRun> {
  const { dataPath, password } = options;
  const pending = new Map(options.kills.map((kill) => [`${kill.verb} ${kill.moment}`, kill]));
  const kills: string[][] = [];
  /** Steps that the journal had as over at some kill. */
  const ends = new Map<string, StepView>();
  const redone = new Set<string>();
  const asked: string[][] = [];
  const leaks = new Set<string>();
  let id = '';
  const compareEnds = (steps: ReadonlyMap<string, StepView>) => {
    for (const [key, end] of ends) if (JSON.stringify(steps.get(key)) !== JSON.stringify(end)) redone.add(key);
  };
  for (;;) {
    const isFirst = id === '';
    if (!isFirst) await options.hold();
    const server = await startConsole(dataPath);
    const looking = setInterval(() => {
      void processesWith(password).then((found) => found.forEach((leak) => leaks.add(leak)));
    }, 200);
    const dead = Promise.withResolvers<'killed'>();
    let isKilled = false;
    const kill = () => {
      if (isKilled) return;
      isKilled = true;
      server.kill().then(() => dead.resolve('killed'), dead.reject);
    };
    const onStep = (view: StepView) => {
      // Steps that were over before this console started do not count as its moments.
      if (pending.has(momentOf(view)) && !(isOver(view) && ends.has(view.key))) kill();
    };
    try {
      // The console listens on another port each time, and the name of its session's cookie has the port in it.
      const client = await openBrowser(server, await logIn(server));
      if (isFirst) {
        const began = Promise.withResolvers<undefined>();
        client.on('runs.changed', (summary) => {
          if (id !== '') return;
          id = summary.id;
          // The first steps of a run that only writes to the store end before anybody can ask for them.
          if (pending.has('pinHostKey running')) kill();
          began.resolve(undefined);
        });
        options.start(client).catch(began.reject);
        await began.promise;
      }
      const outcome = await Promise.race([follow(client, onStep), dead.promise])
        // A call that the kill cut off.
        .catch((error: unknown) => (isKilled ? dead.promise : Promise.reject(error as Error)));
      if (outcome !== 'killed') {
        const { steps, summary } = outcome;
        compareEnds(steps);
        const missed = [...pending.values()];
        return { id, state: summary.state, steps, kills, missed, redone: [...redone], asked, leaks: [...leaks] };
      }
      const journal = await readJournal(dataPath, id);
      compareEnds(journal);
      const cut = [...journal.values()].filter((view) => view.state !== 'waiting' && !ends.has(view.key));
      kills.push(cut.map((view) => `${view.key} ${view.state}`));
      for (const view of cut) {
        pending.delete(momentOf(view));
        if (isOver(view)) ends.set(view.key, view);
      }
    } finally {
      clearInterval(looking);
      await server.kill();
    }
  }

  /** Gives the run what it asks for until it is over. Never resolves when the console is killed meanwhile. */
  async function follow(client: ConsoleClient, onStep: (view: StepView) => void): Promise<RunWatch> {
    const watch = await RunWatch.open(client, id, { onStep });
    await options.letGo();
    let isRetried = false;
    for (;;) {
      await watch.until(
        'the run is over or asks',
        ({ summary, steps }) =>
          summary.endedAt !== null ||
          summary.missingSecrets.length > 0 ||
          [...steps.values()].some(({ state }) => state === 'asking'),
      );
      if (watch.summary.endedAt !== null) {
        if (isRetried || !isHeldTooLong(watch)) return watch;
        isRetried = true;
        watch.summary = { ...watch.summary, state: 'running', endedAt: null };
        await client.call('runs.retry', { run: id, secrets: {} });
        continue;
      }
      const missing = watch.summary.missingSecrets;
      if (missing.length > 0) {
        asked.push(missing);
        watch.summary = { ...watch.summary, state: 'running', missingSecrets: [] };
        const secrets = Object.fromEntries(missing.map((name) => [name, password]));
        await client.call('runs.provideSecrets', { run: id, secrets });
      }
      for (const step of [...watch.steps.values()].filter(({ state }) => state === 'asking')) {
        watch.steps.set(step.key, { ...step, state: 'waiting' });
        watch.summary = { ...watch.summary, state: 'running' };
        await client.call('runs.answer', { run: id, step: step.key, answer: true });
      }
    }
  }
}
