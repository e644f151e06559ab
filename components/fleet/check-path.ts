// Links to the wizard that looks at machines which the console reaches already, with its last page open.

export interface CheckedNodes {
  /** A node range. */
  readonly nodes: string;
  /** Of their SSH servers. */
  readonly port: number;
  /** Installs what is missing; otherwise it only looks. */
  readonly install: boolean;
}

export function checkPath({ nodes, port, install }: CheckedNodes): string {
  const query = new URLSearchParams({
    nodes,
    ...(port === 22 ? {} : { port: String(port) }),
    install: install ? 'yes' : 'no',
    step: 'options',
  });
  return `/add-nodes?${query}`;
}
