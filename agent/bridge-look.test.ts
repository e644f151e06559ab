// When this host looks at its bridge.
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { BridgeSummary } from '../contract/bridge.ts';
import { BridgeLook } from './bridge-look.ts';

const summary: BridgeSummary = {
  bridge: 'mega_bridge',
  uplink: 'eth0',
  owner: 'ifupdown',
  persistence: 'ifupdown',
  reboot: 'safe',
  transaction: '',
  alarms: [],
};

function createLook() {
  const state = { now: 0, stamp: 'a', looks: 0, isBroken: false, errors: 0, seen: summary };
  const look = new BridgeLook({
    observe: () => {
      state.looks += 1;
      return state.isBroken ? Promise.reject(new Error('no')) : Promise.resolve(state.seen);
    },
    stamp: () => Promise.resolve(state.stamp),
    now: () => state.now,
    onError: () => void (state.errors += 1),
  });
  const ask = async (now: number) => {
    state.now = now;
    const seen = await look.latest();
    await turn();
    return seen;
  };
  return { state, ask };
}

describe('the bridge of this host', () => {
  test('is looked at once, then when its files change, at most each 10 s, and each minute in any case', async () => {
    const { state, ask } = createLook();
    expect(await ask(0)).toBeNull();
    expect(await ask(1_000)).toMatchObject({ bridge: 'mega_bridge', alarms: [] });
    for (let now = 2_000; now < 60_000; now += 1_000) await ask(now);
    expect(state.looks).toBe(1);
    await ask(60_000);
    expect(state.looks).toBe(2);
    for (let now = 61_000; now <= 90_000; now += 1_000) {
      state.stamp = String(now);
      await ask(now);
    }
    expect(state.looks).toBe(5);
  });

  test('is looked at each 10 s while there is a transaction or an alarm: neither stands longer than it is true', async () => {
    const { state, ask } = createLook();
    state.seen = { ...summary, transaction: 'r1-1 of Ann: applied' };
    await ask(0);
    await ask(9_999);
    expect(state.looks).toBe(1);
    state.seen = { ...summary, alarms: ['one', 'two'] };
    await ask(10_000);
    expect(await ask(10_001)).toMatchObject({ alarms: ['one', 'two'] });
    state.seen = summary;
    await ask(20_000);
    expect(await ask(20_001)).toMatchObject({ alarms: [] });
    await ask(30_001);
    expect(state.looks).toBe(3);
  });

  test('costs nothing where there is no Open vSwitch, and a look that fails leaves the last one', async () => {
    const { state, ask } = createLook();
    state.stamp = '';
    await ask(0);
    await ask(100_000);
    expect(state.looks).toBe(0);
    state.stamp = 'a';
    await ask(200_000);
    state.isBroken = true;
    await ask(300_000);
    expect(await ask(300_001)).toMatchObject({ uplink: 'eth0' });
    expect(state.errors).toBe(1);
  });
});
