import { expect, test } from 'vitest';
import { rootWithPlainShell } from './ssh-targets.ts';

test('only root gets another home and shell', () => {
  const passwd = 'root:x:0:0:root:/root:/bin/bash\nrooty:x:1:1::/root:/bin/bash\n';
  expect(rootWithPlainShell(passwd, '/tmp/e')).toBe('root:x:0:0:root:/tmp/e:/bin/sh\nrooty:x:1:1::/root:/bin/bash\n');
});
