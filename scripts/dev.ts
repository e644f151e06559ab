// `npm run dev`: the console over simulated nodes, with pages that are compiled as they change. Its data stays in
// .cache/dev; it also takes the flags of `npm start`. Its pages may open streams to a service "echo" of each node.
import { join } from 'node:path';
import { AppError } from '../contract/errors.ts';
import { serveSimulated } from './simulated-console.ts';

const dataPath = join(import.meta.dirname, '../.cache/dev');

serveSimulated(['--dev', '--data', dataPath, '--level', 'warn', ...process.argv.slice(2)], { hasEcho: true }).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof AppError ? error.message : error);
    process.exit(1);
  },
);
