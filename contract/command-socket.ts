// The command socket: a stream of JSON values each way, as minimega 3.1.0 speaks it (pkg/miniclient), plus our three
// extensions Hello, Watch and Cancel. This file owns the shapes; it neither frames nor renders.
//
//   client: {"Command":"mesh status"}            server: {"Resp":[…],"Rendered":"…","More":false,"Status":false}\n
//   client: {"Command":"","Suggest":"mesh "}     server: {"Resp":null,"Rendered":"","More":false,"Status":false,"Suggest":[…]}\n
//   client: {"Hello":{…}}                        server: {"Hello":{…}}\n
//   client: {"Watch":{"Kinds":[…]}}              server: {"Watch":"begin",…}\n {"Watch":"rows",…}\n …   (occupies the connection)
//   client: {"Cancel":true}                      the running command of this connection is aborted and answers with an error entry
//
// A command ends with the first object whose Status and More are both false.
import { z } from 'zod';

/** One host's answer. All six keys are always present; `Error` empty means success. */
export const ResponseEntry = z.object({
  Host: z.string(),
  /** Plain-text result. */
  Response: z.string(),
  /** Lower-case column names, without `host`. */
  Header: z.array(z.string()).nullable(),
  /** Rows of strings; if not null it wins over Response. */
  Tabular: z.array(z.array(z.string())).nullable(),
  Error: z.string(),
  /** Machine-readable extra. */
  Data: z.unknown().transform((data) => data ?? null),
});
export type ResponseEntry = z.infer<typeof ResponseEntry>;

export const CommandResponse = z.object({
  /** One entry per host; null for blank lines, comments, suggestions and status messages. */
  Resp: z.array(ResponseEntry).nullable(),
  /** Text rendering of Resp by the connection's output flags; of a status message, the message. Never holds errors. */
  Rendered: z.string(),
  More: z.boolean(),
  Status: z.boolean(),
  Suggest: z.array(z.string()).optional(),
});
export type CommandResponse = z.infer<typeof CommandResponse>;

/** What a program says about itself before it relies on more than minimega has. */
export const Hello = z.object({
  Product: z.string(),
  Version: z.string(),
  ProtocolMin: z.number().int(),
  ProtocolMax: z.number().int(),
  Features: z.array(z.string()),
  /** Kinds of rows that it can tell, or show; a side that does not know kinds leaves it out. */
  Kinds: z.array(z.string().max(64)).max(256).optional(),
});
export type Hello = z.infer<typeof Hello>;

/** The request's keys after lower-casing: minimega matches keys case-insensitively and ignores unknown ones. */
export const CommandRequest = z.object({
  command: z.string().optional(),
  suggest: z.string().optional(),
  hello: Hello.partial().optional(),
  /** Without Kinds: nodes and links as watchers got them before kinds (contract/watch-1.ts). */
  watch: z.object({ Kinds: z.array(z.string().max(64)).max(256).optional() }).optional(),
  cancel: z.boolean().optional(),
});
export type CommandRequest = z.infer<typeof CommandRequest>;

/** Builds an entry; keys that are not given are empty, as in minimega. */
export function responseEntry(host: string, part: Partial<Omit<ResponseEntry, 'Host'>> = {}): ResponseEntry {
  return { Host: host, Response: '', Header: null, Tabular: null, Error: '', Data: null, ...part };
}
