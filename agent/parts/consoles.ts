// Screens and serial ports of this node's VMs: services for streams, and nothing else.
import { Consoles, type ConsolesComponents } from '../consoles/consoles.ts';
import { Pictures, type PicturesComponents } from '../consoles/pictures.ts';
import type { Part } from './part.ts';

export function createConsolesPart(components: ConsolesComponents & PicturesComponents): Part {
  const consoles = new Consoles(components);
  const pictures = new Pictures(components);
  return {
    handlers: {},
    kinds: [],
    services: { ...consoles.services, pictures: (call) => pictures.serve(call) },
    stop() {
      consoles.stop();
      pictures.stop();
    },
  };
}
