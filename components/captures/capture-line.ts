// One capture as pages show it, and the lines that start, end and forget one. Pure.
import type { FleetCapture } from '../../contract/fleet.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import { keyOf } from '../../contract/kind-keys.ts';
import { inNamespace } from '../../core/commands/in-namespace.ts';
import { quoteWord } from '../../core/commands/tokens.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import type { State } from '../ui/StateMark.tsx';

export interface CaptureLine {
  /** Of its row in the fleet. */
  readonly key: string;
  /** Name of its node; its id as long as the node is not known. */
  readonly node: string;
  readonly capture: FleetCapture;
}

export const captureLine = (capture: FleetCapture, node: string): CaptureLine => ({
  key: keyOf(fleetKeys.captures, capture),
  node,
  capture,
});

/** What packets are taken of: `web NIC 0`, `all of mega_bridge`. */
export function describePlace({ Vm: vm, Nic: nic, Bridge: bridge }: FleetCapture): string {
  return vm === '' ? `all of ${bridge}` : `${vm} NIC ${nic}`;
}

/** How its interface is called in a file with others. */
export function interfaceName({ node, capture }: CaptureLine): string {
  return capture.Vm === '' ? `${node}/${capture.Bridge}` : `${node}/${capture.Vm}/${capture.Nic}`;
}

/** How the address of a page names it. */
export const captureAddress = ({ node, capture }: CaptureLine): string => `${node}/${capture.Id}`;

export interface CaptureLook {
  readonly state: State;
  readonly word: string;
  /** Why it does not run; empty when somebody ended it. */
  readonly reason: string;
}

export function captureLook({ State: state, Reason: reason }: FleetCapture): CaptureLook {
  const looks = {
    running: { state: 'busy', word: 'running' },
    ended: { state: 'ok', word: 'ended' },
    failed: { state: 'bad', word: 'ended early' },
  } as const;
  return { ...looks[state], reason };
}

const ranks = { running: 0, failed: 1, ended: 2 } as const;

/** Those that run first, then the newest. */
export function compareCaptures(a: CaptureLine, b: CaptureLine): number {
  const byState = Number(ranks[a.capture.State] > 0) - Number(ranks[b.capture.State] > 0);
  return byState || b.capture.Started - a.capture.Started || compareNames(a.node, b.node);
}

/** Where packets can be taken. */
export type CaptureTarget =
  | {
      readonly kind: 'vm';
      readonly node: string;
      readonly namespace: string;
      readonly vm: string;
      readonly nics: readonly { readonly index: number; readonly label: string }[];
    }
  | { readonly kind: 'bridge'; readonly node: string; readonly bridge: string };

export const describeTarget = (target: CaptureTarget): string =>
  target.kind === 'vm' ? `${target.vm} on ${target.node}` : `${target.bridge} of ${target.node}`;

export interface CaptureWish {
  readonly target: CaptureTarget;
  /** Of a VM: null for all its NICs. */
  readonly nic: number | null;
  readonly file: string;
  readonly filter: string;
  readonly megabytes: number;
  readonly seconds: number;
  readonly by: string;
}

/** On the node, as the node that the console is attached to takes it. */
function onNode(node: string, attached: string, namespace: string, line: string): string {
  // A node sends nothing to itself.
  return inNamespace(namespace, node === attached ? line : `mesh send ${quoteWord(node)} ${line}`);
}

export function startLine(wish: CaptureWish, attached: string): string {
  const { target, filter, by } = wish;
  const options = [
    `size=${wish.megabytes}`,
    `time=${wish.seconds}`,
    ...(filter === '' ? [] : [quoteWord(`filter=${filter}`)]),
    ...(by === '' ? [] : [quoteWord(`by=${by}`)]),
  ].join(' ');
  const file = quoteWord(wish.file);
  if (target.kind === 'bridge')
    return onNode(target.node, attached, '', `capture pcap bridge ${quoteWord(target.bridge)} ${file} ${options}`);
  const nic = wish.nic === null ? 'all' : String(wish.nic);
  const line = `capture pcap vm ${quoteWord(target.vm)} ${nic} ${file} ${options}`;
  return onNode(target.node, attached, target.namespace, line);
}

export function stopLine({ node, capture }: CaptureLine, attached: string): string {
  return onNode(node, attached, capture.Namespace, `capture stop ${capture.Id}`);
}

export function forgetLine({ node, capture }: CaptureLine, attached: string): string {
  return onNode(node, attached, capture.Namespace, `capture forget ${capture.Id}`);
}

export function checkLine(node: string, filter: string, attached: string): string {
  return onNode(node, attached, '', `capture check ${quoteWord(filter)}`);
}

/** A name that no other capture has. */
export function newFileName(target: CaptureTarget, at: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`;
  const time = `${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`;
  const name = target.kind === 'vm' ? target.vm : `${target.node}-${target.bridge}`;
  return `${name.replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 80)}-${day}-${time}.pcap`;
}

/** Where the file of these is: one pcapng, an interface for each. */
export function downloadPath(cluster: string, captures: readonly CaptureLine[]): string {
  const query = new URLSearchParams({ cluster });
  for (const line of captures) query.append('capture', `${line.node}:${line.capture.Id}:${interfaceName(line)}`);
  return `${httpPaths.captureDownload}?${query.toString()}`;
}

/** Decimal units, as the limits of a capture have them. */
export function formatBytes(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(bytes < 1e4 ? 1 : 0)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
