// What the page of a run has for some kinds of plans, beside what it has for all. A kind that needs nothing is not here.
import type { ReactElement } from 'react';
import type { RunView } from '../../contract/plans.ts';
import {
  addNodesKind,
  bridgeKind,
  deployKind,
  launchKind,
  passwordlessRootKind,
  removeBridgeKind,
  replaceNodeKind,
} from '../../core/plans/kinds.ts';
import { undoable } from '../../core/plans/undoable.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { bridgeStories } from '../bridge/bridge-stories.tsx';
import { BridgeCountdown } from '../bridge/BridgeCountdown.tsx';
import { LaunchRun } from '../launch/LaunchRun.tsx';
import { FormingMesh } from './FormingMesh.tsx';
import type { NodeStory } from './node-story.ts';

export interface RunKind {
  /** Above the steps of its nodes. */
  readonly above?: (run: RunView) => ReactElement;
  /** What it shows of a node in place of its steps, by node. */
  readonly stories?: (run: RunView) => ReadonlyMap<string, NodeStory>;
  /** What a finished run has brought its nodes: the page then leads on to what they lack. */
  readonly brought?: string;
  /** What a finished run has done, where it leads to no next step of a node. */
  readonly done?: string;
  /** Nodes of a finished run have the bridge, although their meshds report it only after a while. */
  readonly bringsBridge?: boolean;
  /** Its steps say which packages a machine lacks. */
  readonly findsMissing?: boolean;
  /** Why a finished run should be undone some day. */
  readonly undoLater?: string;
  /** What else its undo takes away. */
  readonly undoNote?: string;
  /** What has to be typed before its undo, which takes machines or a cluster away. */
  readonly confirmUndo?: (run: Pick<RunView, 'plan' | 'steps' | 'begun'>) => string;
}

const bridging: RunKind = { above: (run) => <BridgeCountdown run={run} />, stories: bridgeStories };

const runKinds: Readonly<Record<string, RunKind>> = {
  [addNodesKind.kind]: {
    brought: "The nodes take the console's key.",
    findsMissing: true,
    undoNote: 'The console forgets these machines, and its key there goes.',
    confirmUndo: (run) => describeRange([...new Set(undoable(run).can.map(({ node }) => node))]),
  },
  [replaceNodeKind.kind]: { brought: 'The new machine is known under the old name.', findsMissing: true },
  [deployKind.kind]: {
    above: (run) => <FormingMesh nodes={run.nodes} />,
    brought: 'meshd runs on all of them.',
    confirmUndo: ({ plan }) => {
      const context = plan.steps.find((step) => step.do.action === 'registerCluster')?.do.args['context'];
      return typeof context === 'string' ? context : '';
    },
  },
  [bridgeKind.kind]: {
    ...bridging,
    brought: 'Each node was seen from outside, and its bridge comes back at boot.',
    bringsBridge: true,
  },
  [removeBridgeKind.kind]: bridging,
  [launchKind.kind]: {
    above: (run) => <LaunchRun run={run} />,
    done: 'The VMs are there.',
    undoNote: 'The VMs of this run end, with what they wrote to their disks. VLANs that other VMs use stay.',
    // What it made is named as it was typed.
    confirmUndo: ({ plan }) => plan.title.replace(/^Launch (.*) in .*$/, '$1'),
  },
  [passwordlessRootKind.kind]: {
    undoLater: 'Root needs no password there now. The undo gives back what was before.',
  },
};

const nothingSpecial: RunKind = {};

export function runKindOf(kind: string): RunKind {
  return runKinds[kind] ?? nothingSpecial;
}
