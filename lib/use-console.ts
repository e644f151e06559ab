// React's view of the collections: a context that holds the connection, and hooks that subscribe while they are mounted.
'use client';
import {
  createContext,
  createElement,
  useContext,
  useEffect,
  useState,
  useSyncExternalStore,
  type ReactNode,
} from 'react';
import { connectConsole, type Console } from './console.ts';
import type { ConnectionState } from './client.ts';
import { noFleet, type FleetCollection, type FleetState } from './fleet.ts';
import { noKnownNodes, type KnownNodesState } from './known-nodes-collection.ts';
import type { Readable } from './observable.ts';
import { noRun, noRuns, type OpenRun, type RunsState, type RunState } from './runs.ts';

const ConsoleContext = createContext<Console | null>(null);

export interface ConsoleProviderProps {
  readonly children?: ReactNode;
  /** For tests; otherwise it connects to the server that the page came from. */
  readonly console?: Console;
}

/** Connects when it is mounted, closes when it goes. Below it, `useConsole` and all other hooks work. */
export function ConsoleProvider({ children, console: given }: ConsoleProviderProps): ReactNode {
  // Only in the browser: the server renders the page without a connection.
  const [own, setOwn] = useState<Console | null>(null);
  useEffect(() => {
    if (given) return;
    const made = connectConsole();
    setOwn(made);
    return () => {
      made.client.close();
    };
  }, [given]);
  return createElement(ConsoleContext.Provider, { value: given ?? own }, children);
}

/** The connection and what hangs on it; null on the server and before the page is mounted. */
export function useConsole(): Console | null {
  return useContext(ConsoleContext);
}

/** The value of an observable, rendered again at each change. */
export function useReadable<T>(readable: Readable<T> | null, initial: T): T {
  const get = readable ? () => readable.get() : () => initial;
  return useSyncExternalStore(readable ? readable.subscribe : neverChanges, get, () => initial);
}

/** A part of an observable, rendered again only when `select` gives another value. */
export function useReadablePart<T, P>(readable: Readable<T>, select: (value: T) => P): P {
  const get = () => select(readable.get());
  return useSyncExternalStore(readable.subscribe, get, get);
}

const neverChanges = () => () => undefined;

const connecting: ConnectionState = { state: 'connecting', since: 0, reason: '' };

export function useConnection(): ConnectionState {
  return useReadable(useConsole()?.client.connection ?? null, connecting);
}

/** The fleet; subscribed while a component that uses it is mounted, and rendered again ten times a second. */
export function useFleet(): FleetState {
  return useFleetPart(wholeFleet);
}

/**
 * A part of the fleet, subscribed as `useFleet` is; rendered again only when that part is another value.
 * @param select gives the same value as long as nothing in it changed: what the state holds, not what is made of it
 */
export function useFleetPart<T>(select: (state: FleetState) => T): T {
  const fleet = useRetainedFleet();
  const state = fleet?.state ?? noFleetState;
  return useSyncExternalStore(
    state.subscribe,
    () => select(state.get()),
    () => select(noFleet),
  );
}

/** As `useFleetPart`, of what is there of the fleet already (lib/fleet.ts, `early`). */
export function useEarlyFleetPart<T>(select: (state: FleetState) => T): T {
  const fleet = useRetainedFleet();
  const state = fleet?.early ?? noFleetState;
  return useSyncExternalStore(
    state.subscribe,
    () => select(state.get()),
    () => select(noFleet),
  );
}

/** The fleet to be read or followed outside of rendering; subscribed while the component is mounted. Null as `useConsole`. */
export function useRetainedFleet(): FleetCollection | null {
  const fleet = useConsole()?.fleet ?? null;
  useEffect(() => fleet?.retain(), [fleet]);
  return fleet;
}

const wholeFleet = (state: FleetState): FleetState => state;
const noFleetState: Readable<FleetState> = { get: () => noFleet, subscribe: () => () => undefined };

/** The nodes that the console reaches over SSH, meshd or not. */
export function useKnownNodes(): KnownNodesState {
  const known = useConsole()?.knownNodes ?? null;
  useEffect(() => known?.retain(), [known]);
  return useReadable(known?.state ?? null, noKnownNodes);
}

/** All runs, newest first. */
export function useRuns(): RunsState {
  const runs = useConsole()?.runs ?? null;
  useEffect(() => runs?.retain(), [runs]);
  return useReadable(runs?.state ?? null, noRuns);
}

/** One run with its steps and log. */
export function useRun(id: string): RunState {
  const runs = useConsole()?.runs ?? null;
  const [open, setOpen] = useState<OpenRun | null>(null);
  useEffect(() => {
    if (!runs) return;
    const opened = runs.open(id);
    setOpen(opened);
    return () => {
      opened.close();
    };
  }, [runs, id]);
  return useReadable(open?.id === id ? open.state : null, noRun);
}

/** This browser's clock, read again every `everyMs`: for ages on the screen. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now());
    }, everyMs);
    return () => {
      clearInterval(timer);
    };
  }, [everyMs]);
  return now;
}
