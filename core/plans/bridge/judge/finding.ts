// What a verdict says, and the form of its rows.

export interface BridgeFinding {
  readonly id: string;
  /** `block`: nothing is done on this node. */
  readonly level: 'block' | 'warn';
  /** Field of the form that fixes it; empty when only the node can be changed. */
  readonly field: '' | 'nodes' | 'bridge' | 'uplink' | 'method' | 'datapath';
  readonly text: string;
  /** What to do about it, a command where there is one; empty when there is nothing to do. */
  readonly mend: string;
}

/** A sentence, or how to make it from a node and from what `when` found there. */
type Sentence<Node> = string | ((node: Node, found: string) => string);

/** A row of the verdict's tables. */
export interface FindingRow<Node> {
  readonly id: BridgeFinding['id'];
  readonly level: BridgeFinding['level'];
  /** Whether it is so, or in a few words what was found, for the sentences. Several words are as many findings. */
  readonly when: (node: Node) => boolean | string | readonly string[];
  readonly text: Sentence<Node>;
  readonly fix?: Sentence<Node>;
  readonly field?: BridgeFinding['field'];
}

/** What is so of a node, in the order of the rows. */
export function findingsOf<Node>(rows: readonly FindingRow<Node>[], node: Node): BridgeFinding[] {
  const said = (sentence: Sentence<Node>, found: string) =>
    typeof sentence === 'string' ? sentence : sentence(node, found);
  return rows.flatMap(({ id, level, when, text, fix = '', field = '' }) => {
    const found = when(node);
    const all = typeof found === 'boolean' ? (found ? [''] : []) : typeof found === 'string' ? [found] : found;
    return all
      .filter((each) => found === true || each !== '')
      .map((each) => ({ id, level, field, text: said(text, each), mend: said(fix, each) }));
  });
}
