// Follows a run to its end on a terminal or in a script: prints what happens, asks the run's questions, returns the exit code.
import type { RunEvent, RunSummary, RunView, StepView } from '../contract/plans.ts';
import { planKinds } from '../core/plans/kinds.ts';
import { findKind } from '../core/plans/plan-kind.ts';
import { isActiveRun, isUndoBegun } from '../core/plans/run-state.ts';
import { isKeyName, passphraseName } from '../core/plans/secret-names.ts';
import { safeJson, safeText } from '../core/safe-text.ts';
import type { Backend } from './backend.ts';
import { exitCodes } from './exit-codes.ts';
import { readKeyFile } from './identity.ts';
import { describeLogLine, describeStep } from './plan-text.ts';
import { StepWatch } from './step-watch.ts';
import { askLine, askSecret, askYesNo, isInteractive, tellError } from './terminal.ts';

export interface DriveOptions {
  readonly json: boolean;
  /** Answers every question of a step with yes. */
  readonly yes: boolean;
}

/** Resolves with the exit code when the run is over, or when it waits for a person's input and nobody can be asked. */
export async function driveRun(backend: Backend, id: string, options: DriveOptions): Promise<number> {
  const queue: RunEvent[] = [];
  let wake: () => void = () => undefined;
  const { view, stop } = await backend.follow(id, (event) => {
    queue.push(event);
    wake();
  });
  const onInterrupt = () => {
    process.stderr.write('cancelling; press Ctrl-C again to end meshdeck, and the run continues later\n');
    process.once('SIGINT', () => process.exit(exitCodes.failed));
    backend.cancel(id).catch(() => undefined);
  };
  process.once('SIGINT', onInterrupt);
  const watch = new StepWatch(id, findKind(planKinds, view.kind)?.signals ?? [], backend);
  try {
    const follower = new Follower(view, backend, options);
    let summary: RunSummary = view;
    for (;;) {
      if (!isActiveRun(summary.state)) return follower.finish(summary);
      const code = await follower.attend(summary);
      if (code !== null) return code;
      if (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      for (const event of queue.splice(0)) {
        follower.print(event);
        if (event.event === 'progress' && !options.json) watch.take(event, isInteractive());
        if (event.event === 'run') summary = event.summary;
      }
    }
  } finally {
    watch.close();
    process.removeListener('SIGINT', onInterrupt);
    stop();
  }
}

class Follower {
  private readonly steps: Map<string, StepView>;
  private readonly view: RunView;
  private readonly backend: Backend;
  private readonly options: DriveOptions;

  constructor(view: RunView, backend: Backend, options: DriveOptions) {
    this.view = view;
    this.backend = backend;
    this.options = options;
    this.steps = new Map(view.steps.map((step) => [step.key, step]));
  }

  print(event: RunEvent): void {
    if (event.event === 'step') this.steps.set(event.step.key, event.step);
    if (this.options.json) {
      console.log(safeJson(event));
      return;
    }
    if (event.event === 'step') {
      const text = describeStep(event.step);
      if (text !== null) console.log(text);
    } else if (event.event === 'log') for (const line of event.lines) console.log(describeLogLine(line));
  }

  /** Gives the run what it waits for. Returns an exit code when nobody can give it. */
  async attend(summary: RunSummary): Promise<number | null> {
    for (const step of this.view.plan.steps) {
      if (step.ask === null || this.steps.get(step.key)?.state !== 'asking') continue;
      const isYes =
        this.options.yes || (isInteractive() ? await askYesNo(step.ask.question, step.ask.default) : step.ask.default);
      await this.backend.answer(this.view.id, step.key, isYes);
      // Not again before its next state arrives.
      this.steps.delete(step.key);
    }
    if (summary.state !== 'needs-secret') return null;
    if (!isInteractive()) {
      tellError(
        `the run needs ${summary.missingSecrets.join(', ')}: meshdeck runs resume ${summary.id} ` +
          (summary.missingSecrets.some(isKeyName) ? '--identity <file>' : '--password-stdin'),
      );
      return exitCodes.needsPerson;
    }
    const secrets: Record<string, string> = {};
    for (const name of summary.missingSecrets) {
      if (!isKeyName(name)) secrets[name] = await askSecret(name.replace(':', ' of '));
      else {
        secrets[name] = await readKeyFile(await askLine(`file of the private ${name.replace(':', ' of ')}`));
        secrets[passphraseName(name)] = await askSecret('its passphrase (empty: none)');
      }
    }
    await this.backend.provideSecrets(this.view.id, secrets);
    return null;
  }

  finish(summary: RunSummary): number {
    const { done, failed, total } = summary.counts;
    if (this.options.json) console.log(safeJson({ event: 'end', summary }));
    else
      console.log(
        safeText(
          `${summary.title}: ${summary.state}, ${done} of ${total} steps done${failed > 0 ? `, ${failed} failed` : ''}`,
        ),
      );
    if (summary.state !== 'done' && summary.state !== 'undone' && !this.options.json) {
      console.log(
        isUndoBegun(this.steps.values())
          ? `to undo what is left: meshdeck runs undo ${summary.id}`
          : `to retry only what failed: meshdeck runs retry ${summary.id}`,
      );
    }
    return summary.state === 'done' || summary.state === 'undone' ? exitCodes.done : exitCodes.failed;
  }
}
