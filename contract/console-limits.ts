// Bounds on the console's connections, each with its reason; limits.ts bounds what comes over them. Tests go one above each.

/** Header lines of one request, and what an upgrade may carry before its session is known. A session cookie is 200 bytes. */
export const maxHeaderBytes = 16_384;

/** Time for the header lines of a request, for a TLS handshake, and for the first packet of a socket. A bad phone line needs two seconds. */
export const headersTimeoutMs = 5_000;

/** Time for a whole request with its body, which is a form. */
export const requestTimeoutMs = 15_000;

/**
 * TCP connections of the console that have shown no session yet, in all and from one address (not of a trusted proxy). A
 * browser opens six. Above it, the oldest one is closed.
 */
export const maxHttpStrangers = 1_000;
export const maxHttpStrangersPerAddress = 128;

/** TCP connections of the console in all: the sockets below, six page loads of each user, and the strangers. */
export const maxHttpConnections = 8_000;

/** Live connections (tabs and CLIs) in all, and of one user: a person has a few tabs on a few devices. */
export const maxConsoleSockets = 2_000;
export const maxSocketsPerUser = 32;

/** Streams (screens, consoles, files) that pages have open, in all and of one user. Each is a WebSocket and a connection to a node. */
export const maxConsoleStreams = 256;
export const maxStreamsPerUser = 32;

/** A message of a page on a stream. A page sends keys, or a file in pieces of 64 kB. */
export const maxStreamMessageBytes = 256 * 1024;

/** Bytes that wait to be sent to a page before the node is held back. */
export const maxStreamUnsentBytes = 256 * 1024;

/** From the request of a page until the service of a node took the stream: two hops of SSH at most, and the mesh. */
export const streamOpeningMs = 15_000;

/** How often a page must show that it is there. Proxies end what is still for 30 s or more, and a screen may be still for days. */
export const streamAliveMs = 20_000;

/**
 * Nodes that walls have pictures of at a time: each is a connection to a node. Others wait until one is no longer shown.
 */
export const maxWallNodes = 128;

/** One small picture: 320 pixels of noise are 200 kB. */
export const maxWallPictureBytes = 512 * 1024;

/** Between two pages that take the keyboard of one console: people who disagree about it must not fill the audit log. */
export const keyboardTakenMs = 250;

/** Bytes that wait to be sent on one live connection before it is closed. A snapshot of 1,000 nodes is below 1 MB. */
export const maxSocketQueueBytes = 8 * 1024 * 1024;

/** Bytes that wait there before it gets no more fleet deltas, and before calls with large answers wait for it to read. */
export const maxUnreadBytes = 256 * 1024;

/** Calls and event streams over plain HTTP at a time, of one user: scripts have a few each. */
export const maxApiCallsPerUser = 32;

/** Bytes of events that one call over plain HTTP may collect for its answer: 100,000 rows of VMs are below it. */
export const maxApiEventBytes = 32 * 1024 * 1024;

/** The longest call is a command line with `timeoutMs` of ten minutes. */
export const maxApiCallMs = 660_000;
