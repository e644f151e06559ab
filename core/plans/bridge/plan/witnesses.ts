// Who has to see a node from outside before its change is kept. Owns the rule and its wording; the console asks the witnesses
// (server/plans/bridge).

/**
 * `console-and-peer`: the console and one peer, or two peers. `two-peers`: the console is on the node itself and does not
 * count. With fewer nodes than that: all other nodes, and the gateway.
 */
export interface WitnessRule {
  readonly kind: 'console-and-peer' | 'two-peers' | 'console-and-gateway' | 'peer-and-gateway' | 'person-and-gateway';
  /** Whether the node knows a gateway that answered before: without one it is not asked for. */
  readonly hasGateway: boolean;
}

/** The console among the witnesses that a node records, as no peer can be called: `@` is in no host name. */
export const consoleWitness = '@console';

export function describeWitness(name: string): string {
  return name === consoleWitness ? 'the console' : name;
}

/** What was seen since the change. */
export interface Sightings {
  readonly console: boolean;
  readonly peers: readonly string[];
  /** Of the node's own checks. */
  readonly gateway: boolean;
  /** Somebody said `keep`. */
  readonly person: boolean;
}

/** `peers`: other nodes that the console reaches. */
export function chooseRule(facts: {
  readonly isConsoleOnNode: boolean;
  readonly peers: number;
  readonly hasGateway: boolean;
}): WitnessRule {
  const { isConsoleOnNode, peers, hasGateway } = facts;
  if (isConsoleOnNode) {
    if (peers >= 2) return { kind: 'two-peers', hasGateway };
    return { kind: peers === 1 ? 'peer-and-gateway' : 'person-and-gateway', hasGateway };
  }
  return { kind: peers === 0 ? 'console-and-gateway' : 'console-and-peer', hasGateway };
}

export function isSeenFromOutside(rule: WitnessRule, seen: Sightings): boolean {
  const gateway = seen.gateway || !rule.hasGateway;
  const peers = new Set(seen.peers).size;
  switch (rule.kind) {
    case 'console-and-peer':
      return (seen.console && peers >= 1) || peers >= 2;
    case 'two-peers':
      return peers >= 2;
    case 'console-and-gateway':
      return seen.console && gateway;
    case 'peer-and-gateway':
      return peers >= 1 && gateway;
    case 'person-and-gateway':
      return seen.person && gateway;
  }
}

/** For the preview. */
export function describeRule(rule: WitnessRule): string {
  const gateway = rule.hasGateway ? ', and its gateway answers it' : '';
  switch (rule.kind) {
    case 'console-and-peer':
      return 'Kept when the console reaches it over a new connection and another node sees its host key, or two other nodes do.';
    case 'two-peers':
      return 'Kept when two other nodes see its host key: the console is on this node and does not count.';
    case 'console-and-gateway':
      return `Kept when the console reaches it over a new connection${gateway}: there is no other node to look from.`;
    case 'peer-and-gateway':
      return `Kept when the one other node sees its host key${gateway}: the console is on this node and does not count.`;
    case 'person-and-gateway':
      return (
        `Kept when somebody says so${gateway}: the console is on this node, and there is no other node to look from. ` +
        'Say "keep" from another machine.'
      );
  }
}

/** What is missing, for people who watch; empty when the rule holds. */
export function describeMissingWitnesses(rule: WitnessRule, seen: Sightings): string {
  if (isSeenFromOutside(rule, seen)) return '';
  const gateway = seen.gateway || !rule.hasGateway ? [] : ['its gateway'];
  const peers = new Set(seen.peers).size;
  switch (rule.kind) {
    case 'console-and-peer':
      return peers >= 1
        ? 'waits for the console or a second node'
        : seen.console
          ? 'waits for another node'
          : 'waits for the console and another node';
    case 'two-peers':
      return peers === 1 ? 'waits for a second node' : 'waits for two other nodes';
    case 'console-and-gateway':
      return `waits for ${[...(seen.console ? [] : ['the console']), ...gateway].join(' and ')}`;
    case 'peer-and-gateway':
      return `waits for ${[...(peers >= 1 ? [] : ['the other node']), ...gateway].join(' and ')}`;
    case 'person-and-gateway':
      return `waits for ${[...(seen.person ? [] : ['somebody to say keep']), ...gateway].join(' and ')}`;
  }
}
