// @vitest-environment happy-dom
// @vitest-environment-options { "url": "https://10.0.0.9:8443/bridge" }
import { expect, test } from 'vitest';
import { BridgeForm } from '../../core/plans/bridge/plan/inputs.ts';
import { persistBridge } from '../../core/plans/bridge/persist/persist.ts';
import { planBridge } from '../../core/plans/bridge/plan/plan.ts';
import { bridgeFacts, nicFacts } from '../../core/plans/bridge/observe/facts-for-tests.ts';
import { BridgePlanPanel } from './BridgePlanPanel.tsx';
import { bridgeWizard } from './BridgeWizard.tsx';
import { pageForTests } from '../page-for-tests.ts';

const page = pageForTests();

const { draw } = page;
const choices = () =>
  [...page.box.querySelectorAll('[role=combobox]')].map((each) => [each.getAttribute('aria-label'), each.textContent]);

function planFor(kind: string) {
  const nics = [nicFacts({ owner: 'none', kind }), nicFacts({ name: 'eth1', addresses: [], routes: [] })];
  const target = { name: 'node1', address: '10.0.0.5', port: 22, user: 'root' };
  const sighting = { target, isHead: false, isConsole: false, facts: bridgeFacts({ nics }), error: '' };
  const form = BridgeForm.parse({ nodes: 'node1', method: 'commands' });
  return planBridge(form, { nodes: [sighting], bystanders: [] }, { id: 'p1', nowMs: 1 }, persistBridge);
}

test('before the start the page shows what to type at a node’s own console, and where to find this console again', () => {
  const made = planFor('ethernet');
  if (!made.ok) throw new Error(made.message);
  draw(<BridgePlanPanel plan={made.plan} uplinks={{}} />);
  const [rescue, again] = [...page.box.querySelectorAll('section[aria-labelledby=rescue] code')];
  expect(rescue?.textContent).toBe('sh /var/lib/meshd/bridge/pending/tx undo');
  expect(again?.textContent).toBe('meshdeck --console https://10.0.0.9:8443 runs');
});

test('a node whose NIC does not do is offered its others in the form', () => {
  const refused = planFor('wifi');
  if (refused.ok) throw new Error('it was planned');
  const [page] = bridgeWizard('node1').pages;
  const form = { nodes: 'node1', bridge: 'mega_bridge', uplink: 'auto' };
  const drawPage = (refusal: Record<string, unknown> | null, uplinks: Readonly<Record<string, string>>) => {
    const nothing = () => undefined;
    draw(
      page?.render({
        form: { ...form, uplinks },
        secrets: {},
        set: nothing,
        setSecret: nothing,
        issue: () => '',
        refusal,
      }),
    );
  };
  drawPage(null, {});
  expect(choices()).toEqual([]);
  drawPage({ field: 'uplink', blocked: refused.blocked }, {});
  expect(choices()).toEqual([['Uplink of node1', 'auto']]);
  drawPage({ field: 'uplink', blocked: refused.blocked }, { node1: 'eth1', node2: 'ens3' });
  expect(choices()).toEqual([
    ['Uplink of node1', 'eth1'],
    ['Uplink of node2', 'ens3'],
  ]);
});
