// Settles a layout away from the page, so that it stays smooth: ForceAtlas 2 in slices, each slice posted as it is done.
import { UndirectedGraph } from 'graphology';
import forceAtlas2 from 'graphology-layout-forceatlas2';
import type { LayoutRequest } from './positions.ts';

export interface LayoutProgress {
  /** x and y of each node of the request, in its order. */
  readonly coordinates: Float32Array;
  readonly isDone: boolean;
}

/** Iterations per slice: about a tenth of a second at 1,000 nodes. */
const slice = 20;
/** From here on forces between far nodes are approximated. */
const manyNodes = 300;

self.addEventListener('message', (event: MessageEvent<LayoutRequest>) => {
  settle(event.data);
});

/** Rounds of pushing apart, and the least distance as a share of the one that nodes spread evenly would have. */
const spreadRounds = 60;
const leastShare = 0.8;

/** Pushes nodes apart that are too close to distinguish: forces alone leave some nearly on top of each other. */
function spread(graph: UndirectedGraph): void {
  const points = graph.mapNodes((key, { x, y, fixed }) => ({
    key,
    x: Number(x),
    y: Number(y),
    isFixed: fixed === true,
  }));
  const extent = (axis: 'x' | 'y'): number =>
    points.reduce((most, point) => Math.max(most, point[axis]), -Infinity) -
    points.reduce((least, point) => Math.min(least, point[axis]), Infinity);
  const least = leastShare * Math.sqrt((extent('x') * extent('y')) / points.length);
  if (!(least > 0)) return;
  for (let round = 0; round < spreadRounds; round += 1) {
    let moved = 0;
    points.forEach((a, index) => {
      for (let other = index + 1; other < points.length; other += 1) {
        const b = points[other];
        if (b === undefined || (a.isFixed && b.isFixed)) continue;
        const [dx, dy] = [b.x - a.x, b.y - a.y];
        const distance = Math.hypot(dx, dy);
        if (distance >= least) continue;
        moved += 1;
        const push = (least - distance) / (a.isFixed || b.isFixed ? 1 : 2) / 2;
        const [ux, uy] = distance > 0 ? [dx / distance, dy / distance] : [Math.cos(other), Math.sin(other)];
        if (!a.isFixed) {
          a.x -= ux * push;
          a.y -= uy * push;
        }
        if (!b.isFixed) {
          b.x += ux * push;
          b.y += uy * push;
        }
      }
    });
    if (moved === 0) break;
  }
  for (const { key, x, y } of points) graph.mergeNodeAttributes(key, { x, y });
}

function settle({ nodes, links, iterations }: LayoutRequest): void {
  const graph = new UndirectedGraph();
  nodes.forEach(({ x, y, isFixed }, index) => graph.addNode(index, { x, y, fixed: isFixed }));
  for (const [a, b] of links) if (a !== b && !graph.hasEdge(a, b)) graph.addEdge(a, b);
  const settings = {
    ...forceAtlas2.inferSettings(graph),
    barnesHutOptimize: nodes.length > manyNodes,
    // Parts without a link between them must not drift apart for ever.
    strongGravityMode: true,
    gravity: 0.3,
    scalingRatio: 20,
    slowDown: 2 + Math.log(nodes.length + 1),
  };
  for (let done = 0; done < iterations; done += slice) {
    forceAtlas2.assign(graph, { iterations: Math.min(slice, iterations - done), settings });
    const isDone = done + slice >= iterations;
    if (isDone) spread(graph);
    const coordinates = new Float32Array(2 * nodes.length);
    graph.forEachNode((key, attributes) => {
      const index = Number(key);
      coordinates[2 * index] = Number(attributes['x']);
      coordinates[2 * index + 1] = Number(attributes['y']);
    });
    const progress: LayoutProgress = { coordinates, isDone };
    self.postMessage(progress, { transfer: [coordinates.buffer] });
  }
}
