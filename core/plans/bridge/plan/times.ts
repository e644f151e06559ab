// The times of a bridge's change: each with its usual value, and the least and the most that people may set, in seconds.
import { z } from 'zod';
import type { NicFacts } from '../observe/facts.ts';

const rows = {
  /** Before the first inside check. */
  settle: [3, 0, 60],
  /** Until inside checks must have passed once. */
  inside: [20, 1, 600],
  /** From the change to the rollback, unless it is kept. */
  window: [120, 10, 600],
  /** The window is never prolonged beyond this. */
  cap: [600, 10, 3600],
  ovsApply: [10, 1, 120],
  ovsUndo: [5, 1, 60],
  dhcp: [30, 1, 300],
  ownerRestart: [30, 1, 300],
  /** From a failed rollback to a restart of the machine, after which the boot guard undoes the change; 0 is never. */
  reboot: [0, 0, 3600],
} as const;

type TimeName = keyof typeof rows;
export type BridgeTimes = Readonly<Record<TimeName, number>>;

function eachTime<T>(make: (name: TimeName) => T): Record<TimeName, T> {
  return Object.fromEntries(Object.keys(rows).map((name) => [name, make(name as TimeName)])) as Record<TimeName, T>;
}

export const defaultBridgeTimes: BridgeTimes = eachTime((name) => rows[name][0]);

/** Of a plan. Drills have smaller values than people may set, in transactions that they make themselves. */
export const BridgeTimesSchema = z.object(eachTime(() => z.number()));

/** What people may set. */
export function timeSchema(name: TimeName, number: z.ZodType<number> & z.ZodNumber = z.number()): z.ZodNumber {
  const [, least, most] = rows[name];
  return number.int('whole seconds').min(least, `${least} s at least`).max(most, `${most} s at most`);
}

export const BridgeTimesForm = z
  .strictObject({
    ...eachTime((name) => timeSchema(name)),
    reboot: timeSchema('reboot').refine((value) => value === 0 || value >= 60, '0 for never, or 60 s at least'),
  })
  .partial();

/** Links that negotiate again after a change (LACP) get a longer window, unless the form sets one. */
const slowLinkWindow = 300;

export function timesOf(
  form: { readonly window?: number | undefined; readonly times: z.infer<typeof BridgeTimesForm> },
  uplink: Pick<NicFacts, 'kind'>,
): BridgeTimes {
  const isSlow = uplink.kind === 'bond' || uplink.kind === 'team';
  const asked = Object.fromEntries(Object.entries(form.times).filter(([, value]) => value !== undefined));
  const times: BridgeTimes = { ...defaultBridgeTimes, ...(isSlow ? { window: slowLinkWindow } : {}), ...asked };
  const window = form.window ?? times.window;
  return { ...times, window, cap: Math.max(times.cap, window), inside: Math.min(times.inside, window) };
}

/** How long a node may be silent while it is on trial, in ms: then it is over there, one way or the other. */
export function patienceOf(times: BridgeTimes): number {
  return (times.cap + times.ownerRestart + 60) * 1000;
}

/** Of a step, in ms. The node decides by its own clock: the step waits for that, and for what comes before and after. */
export function deadlineOf(times: BridgeTimes): number {
  return patienceOf(times) + 120_000;
}
