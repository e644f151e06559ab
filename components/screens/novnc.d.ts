// What is used of noVNC 1.7 (docs/API.md there), which brings no types.
declare module '@novnc/novnc' {
  export default class RFB {
    /** `channel`: as a WebSocket. */
    constructor(target: Element, channel: object, options?: { readonly shared?: boolean });
    viewOnly: boolean;
    scaleViewport: boolean;
    background: string;
    /** `code`: of KeyboardEvent; without `down` it is pressed and let go of. */
    sendKey(keysym: number, code: string | null, down?: boolean): void;
    clipboardPasteFrom(text: string): void;
    focus(options?: FocusOptions): void;
    disconnect(): void;
    toBlob(callback: (blob: Blob | null) => void, type?: string): void;
    addEventListener(name: 'connect' | 'disconnect', listener: () => void): void;
    addEventListener(name: 'clipboard', listener: (event: CustomEvent<{ readonly text: string }>) => void): void;
  }
}
