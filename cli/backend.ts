// Where meshdeck does its work: in this process, which then holds the data folder, or in a running console, over socket.io
// with a token. The commands see no difference.
import type { NodeBridge } from '../contract/bridge.ts';
import type { CaCopyView } from '../contract/browser/nodes.ts';
import type { Plan, PlanKind, RunEvent, RunSummary, RunView } from '../contract/plans.ts';

export interface Backend {
  /** How a shell gets here: `meshdeck --console https://10.0.0.1:8443`. */
  readonly command: string;
  makePlan(kind: PlanKind, form: Record<string, unknown>, secrets: Record<string, string>): Promise<Plan>;
  showBridges(nodes: string): Promise<NodeBridge[]>;
  startRun(plan: string, secrets: Record<string, string>): Promise<RunSummary>;
  list(limit: number): Promise<RunSummary[]>;
  follow(run: string, listener: (event: RunEvent) => void): Promise<{ view: RunView; stop: () => void }>;
  /** Continues an unfinished run; a console does so automatically. */
  resume(run: string, secrets: Record<string, string>): Promise<RunSummary>;
  cancel(run: string): Promise<RunSummary>;
  retry(run: string, secrets: Record<string, string>): Promise<RunSummary>;
  undo(run: string): Promise<RunSummary>;
  answer(run: string, step: string, isYes: boolean): Promise<RunSummary>;
  signal(run: string, step: string, signal: string): Promise<RunSummary>;
  provideSecrets(run: string, secrets: Record<string, string>): Promise<RunSummary>;
  caCopies(): Promise<CaCopyView[]>;
  keepCa(cluster: string): Promise<{ cluster: string; code: string }>;
  close(): Promise<void>;
}
