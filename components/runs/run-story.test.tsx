// @vitest-environment happy-dom
import { expect, test } from 'vitest';
import type { RunView } from '../../contract/plans.ts';
import { makePlan } from '../../core/plans/step.ts';
import { testRun, testStep, testView } from '../wizard/plan-for-tests.ts';
import type { NodeStory } from './node-story.ts';
import { RunStory } from './RunStory.tsx';
import { pageForTests } from '../page-for-tests.ts';

const steps = ['node1', 'node2'].flatMap((node) => [
  testStep('ensurePackages', node, { title: 'Packages' }),
  testStep('ensureBridge', node, { title: 'Put eth0 into mega_bridge' }),
]);
const plan = makePlan('bridge', { id: 'p1', nowMs: 1 }, { title: 'mega_bridge', command: 'meshdeck bridge', steps });
const storyOf = (word: string): NodeStory => ({
  word,
  tone: 'ok',
  step: 'ensureBridge node1',
  isLoud: false,
  body: <p>away for 40 ms</p>,
});

const page = pageForTests();

function draw(run: RunView, stories: ReadonlyMap<string, NodeStory>): void {
  page.draw(<RunStory run={run} now={2} stories={stories} />);
}

test('a node with a story has one place: the story, and its steps folded below it', () => {
  const done = ['ensurePackages node1', 'ensureBridge node1'].map((key) => testView(key, 'done'));
  draw(testRun(plan, done), new Map([['node1', storyOf('kept')]]));
  const [first, second] = page.box.querySelectorAll('section');
  expect([...page.box.querySelectorAll('h2')].map(({ textContent }) => textContent)).toEqual(['node1', 'node2']);
  expect(first?.querySelector('header')?.textContent).toBe('node1kept');
  expect(first?.textContent).toContain('away for 40 ms');
  expect(first?.querySelector('details')?.open).toBe(false);
  expect(first?.querySelectorAll('details li')).toHaveLength(2);
  expect(second?.querySelector('details')).toBeNull();
  expect(second?.querySelectorAll('li')).toHaveLength(2);
});

test('its steps are open while another one than that of the story is at work', () => {
  const views = [testView('ensurePackages node1', 'running'), testView('ensureBridge node1', 'done')];
  draw(testRun(plan, views), new Map([['node1', storyOf('kept')]]));
  expect(page.box.querySelector('details')?.open).toBe(true);
});
