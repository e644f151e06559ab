// What a node says of its cluster, bounded before anything is built from it. The shapes are parsed by the client; here is
// how much of it is taken.
import { AppError } from '../../../contract/errors.ts';
import { maxFleetLinks, maxFleetNodes, maxNodeAddresses, maxRangeNameLength } from '../../../contract/limits.ts';
import type { WatchDelta, WatchMessage } from '../../../contract/watch.ts';

/** @throws AppError `invalid` when a message holds more than any cluster that we know how to show */
export function assertBounded(message: WatchMessage): void {
  if (message.Nodes.length > maxFleetNodes) throw tooMuch(`${message.Nodes.length} nodes`, maxFleetNodes);
  if (message.Links.length > maxFleetLinks) throw tooMuch(`${message.Links.length} links`, maxFleetLinks);
  if (message.Watch === 'delta') {
    if (message.GoneNodes.length > maxFleetNodes) throw tooMuch(`${message.GoneNodes.length} nodes`, maxFleetNodes);
    if (message.GoneLinks.length > maxFleetLinks) throw tooMuch(`${message.GoneLinks.length} links`, maxFleetLinks);
    message.GoneNodes.forEach(assertShort);
    for (const link of message.GoneLinks) [link.A, link.B].forEach(assertShort);
  } else {
    [message.Self, message.Cluster, message.Context].forEach(assertShort);
  }
  for (const node of message.Nodes) {
    assertShort(node.Id);
    assertShort(node.Name);
    assertShort(node.Version);
    assertFacts(node.Facts);
    if ((node.Addresses?.length ?? 0) > maxNodeAddresses) throw tooMuch('addresses of one node', maxNodeAddresses);
    node.Addresses?.forEach(assertShort);
  }
  for (const link of message.Links) [link.A, link.B].forEach(assertShort);
}

function assertFacts(facts: WatchDelta['Nodes'][number]['Facts']): void {
  if (!facts) return;
  assertShort(facts.Name);
  assertShort(facts.Load);
}

/** Names, ids and versions: none is longer than a DNS name. */
function assertShort(text: string | null | undefined): void {
  if (text && text.length > maxRangeNameLength) throw tooMuch('characters in one name', maxRangeNameLength);
}

function tooMuch(what: string, bound: number): AppError {
  return new AppError('invalid', `the node sends ${what}: more than the ${bound} that the console takes`);
}
