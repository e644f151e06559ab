// The command socket: a stream of JSON values each way, as minimega 3.1.0 speaks it (pkg/miniclient), plus our four
// extensions Hello, Watch, Cancel and Stream. This file owns the shapes; it neither frames nor renders.
//
//   client: {"Command":"mesh status"}            server: {"Resp":[…],"Rendered":"…","More":false,"Status":false}\n
//   client: {"Command":"","Suggest":"mesh "}     server: {"Resp":null,"Rendered":"","More":false,"Status":false,"Suggest":[…]}\n
//   client: {"Hello":{…}}                        server: {"Hello":{…}}\n
//   client: {"Watch":{"Kinds":[…]}}              server: {"Watch":"begin",…}\n {"Watch":"rows",…}\n …   (occupies the connection)
//   client: {"Cancel":true}                      the running command of this connection is aborted and answers with an error entry
//   client: {"Stream":{"Node":"node7","Service":"echo","Args":…}}\n
//                                                server: {"Stream":{…}}\n, then bytes; or an answer with an error, and it stays as it was
//
//   client: {"PlumbPipe":"minimega//foo"}          no answer: bare JSON strings both ways from then on, each a message of that named pipe
//
// After the answer to Stream the connection carries bytes in both directions, each with its own end, as minimega's PlumbPipe turns
// its connection into a pipe. The client sends a newline behind this request, and nothing more until the answer. Bytes have no place
// for an error: when the stream breaks, the connection closes. What must arrive whole has to say so in its bytes.
//
// A command ends with the first object whose Status and More are both false.
//
// zod/mini, since `meshd -e` loads this file and little else: all of zod would take it as long as Node itself takes to start.
import * as z from 'zod/mini';
import { maxRangeNameLength, maxServiceCharacters } from './limits.ts';

/** One host's answer. All six keys are always present; `Error` empty means success. */
export const ResponseEntry = z.object({
  Host: z.string(),
  /** Plain-text result. */
  Response: z.string(),
  /** Lower-case column names, without `host`. */
  Header: z.nullable(z.array(z.string())),
  /** Rows of strings; if not null it wins over Response. */
  Tabular: z.nullable(z.array(z.array(z.string()))),
  Error: z.string(),
  /** Machine-readable extra. */
  Data: z.pipe(
    z.unknown(),
    z.transform((data) => data ?? null),
  ),
});
export type ResponseEntry = z.infer<typeof ResponseEntry>;

export const CommandResponse = z.object({
  /** One entry per host; null for blank lines, comments, suggestions and status messages. */
  Resp: z.nullable(z.array(ResponseEntry)),
  /** Text rendering of Resp by the connection's output flags; of a status message, the message. Never holds errors. */
  Rendered: z.string(),
  More: z.boolean(),
  Status: z.boolean(),
  Suggest: z.optional(z.array(z.string())),
});
export type CommandResponse = z.infer<typeof CommandResponse>;

const kindNames = z.array(z.string().check(z.maxLength(64))).check(z.maxLength(256));

/** What a program says about itself before it relies on more than minimega has. */
export const Hello = z.object({
  Product: z.string(),
  Version: z.string(),
  ProtocolMin: z.int(),
  ProtocolMax: z.int(),
  Features: z.array(z.string()),
  /** Kinds of rows that it can tell, or show; a side that does not know kinds leaves it out. */
  Kinds: z.optional(kindNames),
});
export type Hello = z.infer<typeof Hello>;

/** Asks for a stream to a service of a node. */
export const StreamRequest = z.object({
  /** Name of a node; empty for the node that is asked. */
  Node: z._default(z.string().check(z.maxLength(maxRangeNameLength)), ''),
  Service: z.string().check(z.minLength(1), z.maxLength(maxServiceCharacters)),
  /** For the service, which says what it takes. A few hundred bytes. */
  Args: z.optional(z.unknown()),
});
export type StreamRequest = z.input<typeof StreamRequest>;

/** The service took it; bytes follow. */
export const StreamAnswer = z.object({ Stream: z.object({ Node: z.string(), Service: z.string() }) });
export type StreamAnswer = z.infer<typeof StreamAnswer>;

/** The request's keys after lower-casing: minimega matches keys case-insensitively and ignores unknown ones. */
export const CommandRequest = z.object({
  command: z.optional(z.string()),
  suggest: z.optional(z.string()),
  hello: z.optional(z.partial(Hello)),
  /** Without Kinds: nodes and links as watchers got them before kinds (contract/watch-messages-1.ts). */
  watch: z.optional(z.object({ Kinds: z.optional(kindNames) })),
  cancel: z.optional(z.boolean()),
  stream: z.optional(StreamRequest),
  plumbpipe: z.optional(z.string().check(z.maxLength(140))),
});
export type CommandRequest = z.infer<typeof CommandRequest>;

/** Builds an entry; keys that are not given are empty, as in minimega. */
export function responseEntry(host: string, part: Partial<Omit<ResponseEntry, 'Host'>> = {}): ResponseEntry {
  return { Host: host, Response: '', Header: null, Tabular: null, Error: '', Data: null, ...part };
}
