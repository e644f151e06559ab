// `npm start`: opens the cache of compiled modules and loads the program. Stripping types and compiling are a third of what a
// start costs; static imports would be compiled before the cache is open. Where it cannot be written a start is slower only.
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

enableCompileCache(join(import.meta.dirname, '../.cache/compiled'));
await import('./program.ts');
