// What a bridge run shows of its nodes besides their steps: the trial while it lasts, then its outcome.
import type { RunView } from '../../contract/plans.ts';
import type { NodeStory } from '../runs/node-story.ts';
import { describeNode, watchedNodes } from './bridge-view.ts';
import { BridgeOutcome } from './BridgeOutcome.tsx';
import { BridgeTrial } from './BridgeTrial.tsx';

/** By node; those are missing whose steps say it all. */
export function bridgeStories(run: RunView): ReadonlyMap<string, NodeStory> {
  const stories = new Map<string, NodeStory>();
  for (const node of watchedNodes(run)) {
    const words = describeNode(node);
    if (!words) continue;
    const Body = node.progress ? BridgeTrial : BridgeOutcome;
    stories.set(node.node, {
      ...words,
      step: node.step.key,
      isLoud: node.progress !== null || words.tone !== 'ok',
      body: <Body run={run.id} node={node} />,
    });
  }
  return stories;
}
