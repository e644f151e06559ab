import { expect, test } from 'vitest';
import { Views, whenAllSee } from './cluster.ts';

const two = { isReached: (members: ReadonlySet<number>) => members.size === 2, timeoutMs: 20 };

test('all observers must see it at the same time', async () => {
  const views = new Views(3);
  const cluster = { name: 'x', views: views.views, subscribe: views.subscribe.bind(views) };
  let isReached = false;
  const reached = whenAllSee(cluster, [0, 1], two).then(() => (isReached = true));
  views.set(0, new Set([0, 1]));
  views.set(0, new Set([0]));
  views.set(1, new Set([0, 1]));
  views.set(2, new Set([2]));
  await Promise.resolve();
  expect(isReached).toBe(false);
  views.set(0, new Set([0, 1]));
  await reached;
});

test('the deadline names who is missing', async () => {
  const views = new Views(2);
  views.set(0, new Set([0, 1]));
  const cluster = { name: 'x', views: views.views, subscribe: views.subscribe.bind(views) };
  await expect(whenAllSee(cluster, [0, 1], two)).rejects.toThrow('x: not within 20 ms: 1 sees ');
});
