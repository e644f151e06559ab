// Where the console answers plain HTTP beside its pages; http.ts has the shapes. Separate, since every page loads this.

export const httpPaths = {
  /** The page, and where a page without a session is sent: `/login?next=%2Fmesh`. */
  login: '/login',
  /** The page of the one-time link: `/setup?token=…`. */
  setup: '/setup',
  /** POST LoginRequest -> 200, or HttpError: 401 wrong name or password, 429 locked or too many tries (the message says until when). */
  signIn: '/api/auth/sign-in/email',
  /** POST {} -> 200. */
  signOut: '/api/auth/sign-out',
  /** POST SetupRequest -> 200 with a session; 410 when the link is used or older than an hour, 429 too many tries. */
  createFirstAdmin: '/api/setup',
  /** GET -> Health, without a session. */
  health: '/api/health',
  /** GET ?text=… -> the audit log as CSV, all of it or what `audit.list` finds by the text, for admins. */
  auditExport: '/api/audit.csv',
  /** GET ?run=…&step=… -> the evidence of a bridge transaction from its node, as a gzipped tar; for operators. */
  bridgeEvidence: '/api/bridge-evidence',
  /** GET ?cluster=…&capture=node1:3:name&capture=… -> captures of packets as one pcapng, for operators; `name` is that of its interface in the file. */
  captureDownload: '/api/captures.pcapng',
  /** Only WebSocket upgrades; a token goes along as `Authorization: Bearer …`. */
  socket: '/socket.io',
  /** `/streams/<service>`: only WebSocket upgrades; streams.ts has what they carry. */
  streams: '/streams',
  /** POST -> 200 when `socket` would let this session or token in, or HttpError that says why not: browsers hide what an upgrade answers. */
  socketCheck: '/api/socket-check',
} as const;

/**
 * Request header by which the server tells its own pages that the nodes are simulated; the server drops it from outside
 * requests. Pages with a session ask `session.current` instead; pages without one have only this header.
 */
export const simulatedHeader = 'x-meshdeck-simulated';
