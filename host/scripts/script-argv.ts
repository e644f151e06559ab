/** argv for a script. */
export function scriptArgv(script: string, args: readonly string[]): string[] {
  return ['/bin/sh', '-c', script, 'sh', ...args];
}
