// The console's methods and events: the one wire between server and its clients (browser and meshdeck), over socket.io.
// Every call is an event named after its method with one argument and an Ack; see server/hub for the dispatcher. The methods
// are defined by area in contract/browser/; here they are put together.
import type { z } from 'zod';
import { commandEvents, commandMethods } from './browser/commands.ts';
import { fleetEvents, fleetMethods } from './browser/fleet.ts';
import { nodeEvents, nodeMethods } from './browser/nodes.ts';
import { runEvents, runMethods } from './browser/runs.ts';
import { userEvents, userMethods } from './browser/users.ts';

export const browserMethods = {
  ...fleetMethods,
  ...nodeMethods,
  ...runMethods,
  ...commandMethods,
  ...userMethods,
} as const;
export type BrowserMethods = typeof browserMethods;
export type MethodName = keyof BrowserMethods;

/** What the server pushes, by event name. Each goes only to clients that subscribed and may see it. */
export const browserEvents = { ...fleetEvents, ...nodeEvents, ...runEvents, ...commandEvents, ...userEvents } as const;
export type BrowserEvents = { readonly [Name in keyof typeof browserEvents]: z.infer<(typeof browserEvents)[Name]> };
