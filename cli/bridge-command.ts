// `meshdeck bridge` beside its plans: what is there, and the runbook.
import type { Command } from 'commander';
import { renderRunbook } from '../core/plans/bridge/plan/runbook.ts';
import { safeJson, safeText } from '../core/safe-text.ts';
import type { Backend } from './backend.ts';
import { exitCodes } from './exit-codes.ts';
import { describeBridges } from './plan-text.ts';

type WithBackend = (work: (backend: Backend) => Promise<number>) => Promise<void>;

/** What `meshdeck bridge` can do beside its plans. */
export function addBridgeExtras(planCommands: ReadonlyMap<string, Command>, withBackend: WithBackend): void {
  const bridge = planCommands.get('bridge');
  if (!bridge) throw new Error('no plan has the words bridge');
  bridge.option('--runbook', 'print the steps as commented shell, and do nothing');
  bridge
    .command('show')
    .description('what is there: bridge, uplink, owner, persistence, pending transactions, whether a reboot is safe')
    .argument('<nodes>', 'a node range')
    .option('--json', 'for programs')
    .action((nodes: string, options: { json?: true }) =>
      withBackend(async (backend) => {
        const found = await backend.showBridges(nodes);
        console.log(options.json ? safeJson(found, 2) : describeBridges(found));
        return found.some(({ error }) => error !== '') ? exitCodes.failed : exitCodes.done;
      }),
    );
}

export async function printRunbook(backend: Backend, kind: string, form: Record<string, unknown>): Promise<number> {
  process.stdout.write(safeText(renderRunbook(await backend.makePlan(kind, form, {}))));
  return exitCodes.done;
}
