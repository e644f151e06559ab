// Where meshdeck does its work: in this process, over the data folder and under its hold, or by a console that runs, over
// socket.io with a token. The commands see no difference.
import type { NodeBridge } from '../contract/bridge.ts';
import type { CaCopyView } from '../contract/browser.ts';
import type { Plan, PlanKind, RunEvent, RunSummary, RunView, StepSignal } from '../contract/plans.ts';

export interface Backend {
  /** How a shell gets here: `meshdeck --console https://10.0.0.1:8443`. */
  readonly command: string;
  makePlan(kind: PlanKind, form: Record<string, unknown>, secrets: Record<string, string>): Promise<Plan>;
  showBridges(nodes: string): Promise<NodeBridge[]>;
  startRun(plan: string, secrets: Record<string, string>): Promise<RunSummary>;
  list(limit: number): Promise<RunSummary[]>;
  follow(run: string, listener: (event: RunEvent) => void): Promise<{ view: RunView; stop: () => void }>;
  /** Goes on with an unfinished run; a console does so by itself. */
  resume(run: string, secrets: Record<string, string>): Promise<RunSummary>;
  cancel(run: string): Promise<RunSummary>;
  retry(run: string, secrets: Record<string, string>): Promise<RunSummary>;
  undo(run: string): Promise<RunSummary>;
  answer(run: string, step: string, isYes: boolean): Promise<RunSummary>;
  signal(run: string, step: string, signal: StepSignal): Promise<RunSummary>;
  provideSecrets(run: string, secrets: Record<string, string>): Promise<RunSummary>;
  caCopies(): Promise<CaCopyView[]>;
  keepCa(cluster: string): Promise<{ cluster: string; code: string }>;
  close(): Promise<void>;
}
