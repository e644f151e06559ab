import { expect, test } from 'vitest';
import { Launches } from './launch.ts';

/** A launch that ends when the test ends it. */
class FakeLaunch {
  readonly ended = Promise.withResolvers<[]>();
  readonly done = this.ended.promise;
  isCancelled = false;
  cancel(): void {
    this.isCancelled = true;
  }
}
const request = (...hosts: string[]) => ({ hosts, user: 'root', sudo: false });

test('clients that ask while a launch is being opened join it, or are refused its nodes', async () => {
  const launches = new Launches<FakeLaunch>();
  const opening = Promise.withResolvers<FakeLaunch>();
  let opened = 0;
  const open = () => {
    opened += 1;
    return opening.promise;
  };
  const first = launches.join(request('node2', 'node3'), open);
  const second = launches.join(request('node3', 'node2'), open);
  await expect(launches.join(request('node3', 'node4'), open)).rejects.toThrow('another deploy is at work on node3');
  const launch = new FakeLaunch();
  opening.resolve(launch);
  expect(await first).toEqual({ launch, joined: false });
  expect(await second).toEqual({ launch, joined: true });
  expect(opened).toBe(1);
  launch.ended.resolve([]);
  await launch.done;
  await Promise.resolve();
  expect((await launches.join(request('node3'), () => Promise.resolve(new FakeLaunch()))).joined).toBe(false);
});

test('a launch that cannot be opened leaves its nodes free', async () => {
  const launches = new Launches<FakeLaunch>();
  await expect(launches.join(request('node2'), () => Promise.reject(new Error('no tree')))).rejects.toThrow('no tree');
  expect((await launches.join(request('node2'), () => Promise.resolve(new FakeLaunch()))).joined).toBe(false);
});

test('the daemon’s end also cancels launches that are still being opened', async () => {
  const launches = new Launches<FakeLaunch>();
  const launch = new FakeLaunch();
  const joining = launches.join(request('node2'), () => Promise.resolve(launch));
  launches.stop();
  await joining;
  expect(launch.isCancelled).toBe(true);
});
