// Sigma reads the size of its container before each frame, and the browser then lays the page out in the middle of a script. Here it
// does so only after the container, or the screen's pixels, changed.
import type { UndirectedGraph } from 'graphology';
import Sigma from 'sigma';
import type { Settings } from 'sigma/settings';

export class SizedSigma<N extends object, E extends object> extends Sigma<N, E> {
  private isSized = false;
  private readonly sizes: ResizeObserver;

  constructor(graph: UndirectedGraph<N, E>, container: HTMLElement, settings: Partial<Settings<N, E>>) {
    super(graph, container, settings);
    this.sizes = new ResizeObserver(() => this.sizeAgain());
    this.sizes.observe(container);
    window.addEventListener('resize', this.sizeAgain);
  }

  override resize(force?: boolean): this {
    // Undefined while sigma's own constructor runs.
    if (this.isSized && force !== true) return this;
    this.isSized = true;
    return super.resize(force);
  }

  override kill(): void {
    this.sizes.disconnect();
    window.removeEventListener('resize', this.sizeAgain);
    super.kill();
  }

  private readonly sizeAgain = (): void => {
    this.isSized = false;
    this.scheduleRender();
  };
}
