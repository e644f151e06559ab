// Screens and serial ports of this node's VMs: services for streams, and nothing else.
import { Consoles, type ConsolesComponents } from '../consoles/consoles.ts';
import type { Part } from './part.ts';

export function createConsolesPart(components: ConsolesComponents): Part {
  const consoles = new Consoles(components);
  return { handlers: {}, kinds: [], services: consoles.services, stop: () => consoles.stop() };
}
