// A service for streams that sends back what it gets: simulated nodes, tests and `npm run dev` have it, and no real node.
import type { StreamHandler } from '../agent/mesh/streams.ts';

export const echo: StreamHandler = ({ accept }) => {
  const stream = accept();
  stream.pipe(stream);
};
