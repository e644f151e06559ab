// What a VM takes of its node, second by second, while a page shows it: a stream of its node, opened again when it breaks. Holds the last five
// minutes; no React.
import { httpPaths } from '../../contract/http-paths.ts';
import { parseSample, vmRatesService, type VmSample } from '../../contract/vm-rates.ts';
import { followLines, type LineStreamComponents } from '../../lib/line-stream.ts';

export interface RatesState {
  readonly samples: readonly VmSample[];
  /** Why nothing comes; empty while it does. */
  readonly error: string;
}

export interface RatesOf {
  readonly cluster: string;
  readonly node: string;
  readonly vm: number;
}

const keptSamples = 300;

export function ratesPath({ cluster, node, vm }: RatesOf): string {
  const query = new URLSearchParams({ cluster, node, args: JSON.stringify({ vm }) });
  return `${httpPaths.streams}/${vmRatesService}?${query.toString()}`;
}

/** Calls `onState` with each sample, until the function returned is called. */
export function followRates(
  of: RatesOf,
  { onState }: { onState: (state: RatesState) => void },
  components: LineStreamComponents,
): () => void {
  let state: RatesState = { samples: [], error: '' };
  const put = (next: Partial<RatesState>): void => {
    state = { ...state, ...next };
    onState(state);
  };
  // The service ends it when the VM is gone, which its page says.
  const reader = {
    parse: parseSample,
    onLines: (found: readonly VmSample[]) =>
      put({ samples: [...state.samples, ...found].slice(-keptSamples), error: '' }),
    onBroken: (error: string) => put({ error }),
  };
  return followLines(ratesPath(of), reader, components);
}
