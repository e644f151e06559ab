// Every bound on what comes in, each with its reason. Tests feed one byte more.

/** A request on the command socket. minimega has no bound; a script line is far below this, a runaway client is not. */
export const maxRequestBytes = 1_000_000;

/** A command line. A range of 1,000 scattered names is about 10 kB; a line that a person can check is far below that. */
export const maxLineBytes = 65_536;

/** A command line that another member sent. Members are trusted less than the socket, and pay less for a mistake. */
export const maxMeshLineBytes = 16_384;

/** Words of a command line, nested commands included. Names belong into a range, which is one word. */
export const maxLineWords = 1_000;

/** Bytes of all completions of one line. Each is a whole line: 1,000 node names behind a long one would be 64 MB. */
export const maxSuggestBytes = 1_048_576;

/** The largest degree: 10 bits, as in minimega. */
export const maxDegree = 1023;

/** Names in one node range. A cluster has at most 1,000 nodes; VM names of a launch may be ten times that. */
export const maxRangeNames = 10_000;

/** A frame on a mesh link. File chunks are 1 MiB; a roster of 1,000 nodes is about 300 kB. */
export const maxFrameBytes = 4 * 1024 * 1024;

/** Bytes queued towards one watcher before its queue is dropped for a new beginning: 1,000 nodes with 10,000 VMs, twice. */
export const maxWatchQueueBytes = 16 * 1024 * 1024;

/** History lines kept, as minimega does (pkg/minicli). */
export const maxHistoryLines = 10_000;

/** Characters of all history lines together: 10,000 lines may be of a megabyte each. */
export const maxHistoryCharacters = 8 * 1024 * 1024;

/** Texts of `log filter`: each line is searched for all of them. */
export const maxLogFilters = 64;

/** Lines of `log ring`: an answer of more is for `deploy logs` and the journal. */
export const maxLogRing = 10_000;

/** Characters of one message of a named pipe: a line of the command language is as long. */
export const maxPipeLineBytes = 64 * 1024;

/** Characters that wait for a reader of a pipe, or for another node, that is slow; what comes beyond is left out. */
export const maxPipeBacklogBytes = 1024 * 1024;

/** Named pipes of a node: each keeps its newest message. */
export const maxPipes = 256;

/** Readers of a pipe on one node. */
export const maxPipeReaders = 256;

/** Programs of plumbs on a node, and plumbs: each has some. */
export const maxPlumbPrograms = 64;

/** How long a program of `pipe … via` may take for one message. */
export const viaTimeoutMs = 10_000;

/** Of `vnc record kb`: a day of typing. It lies below -filepath. */
export const maxVncRecordingBytes = 16 * 1024 * 1024;

/** Recordings and playbacks of a node's screens. */
export const maxVncSessions = 64;

/** Characters of one `vnc type`. */
export const maxVncTypedCharacters = 4_096;

/** Longest CPU profile of `debug cpu`: it is in memory until its end. */
export const maxProfileMs = 10 * 60_000;

/** Bytes kept of a child process's stdout and of its stderr when the caller names no bound. */
export const maxOutputBytes = 8 * 1024 * 1024;

/** Characters of one name in a node range: a DNS name has at most 253. Without it, 10,000 names of 1 MB each. */
export const maxRangeNameLength = 253;

/** Namespaces of a cluster. The first mention creates one, so a typo in a loop must not fill the memory. */
export const maxNamespaces = 1_000;

/** Rows of namespaces that a node takes from others: both sides of a split may have made as many as there may be. */
export const maxNamespaceRows = 2 * maxNamespaces;

/** Namespaces that were cleared, and are remembered so that a node that was away does not bring them back. */
export const maxClearedNamespaces = 1_000;

/** Node ids in one namespace: as many as a roster has. In all of them: twice that much still fits into one frame of the mesh. */
export const maxNamespaceHosts = 4_096;
export const maxNamespaceHostsInAll = 40_000;

/** A script for `read`. It is read whole. */
export const maxScriptBytes = 4 * 1024 * 1024;

/** Characters of one value of a VM's configuration: the kernel takes a command line of 2,048, a path has at most 4,096. */
export const maxVmTextCharacters = 4_096;

/** Words of one field of a VM's configuration, and its tags: a kernel command line has tens. */
export const maxVmWords = 256;

/** NICs of a VM: 31 on each of four PCI bridges, and more than a router in an experiment has. */
export const maxVmNetworks = 124;

/** Disks of a VM: the root bus of a PC has that many slots left. */
export const maxVmDisks = 24;

/** Memory of a VM in MB: 16 TiB, more than any node of a lab has. */
export const maxVmMemoryMb = 16 * 1024 * 1024;

/** Processors of a VM: what QEMU's q35 takes (7.2; pc takes 255). */
export const maxVmCpus = 288;

/** Serial ports and virtio-serial ports of a VM: a virtio-serial device has 31, and three are ours. */
export const maxVmPorts = 28;

/** Configurations that one namespace keeps by name. */
export const maxSavedConfigs = 1_000;

/** One message of QEMU's monitor: the largest, its schema, has 200 kB. */
export const maxQmpMessageBytes = 4 * 1024 * 1024;

/** Commands that wait for one monitor: QEMU does one after the other. */
export const maxQmpCommands = 64;

/** Time for QEMU to answer a command: it does so in milliseconds unless its host swaps. */
export const qmpCommandMs = 10_000;

/** Pixels of a VM's screen: 8K, and QEMU's std card has 16 MB for half of it. */
export const maxScreenPixels = 7680 * 4320;

/** Bytes of a path of a Unix socket: sun_path of unix(7) is 108 with its NUL, and QEMU refuses longer ones. */
export const maxSocketPathBytes = 107;

/** Variables of `.env`, and aliases of one connection: how many, and characters of each. */
export const maxVariables = 1_000;
export const maxValueCharacters = 16_384;

/** Bytes queued towards one mesh neighbour before its link is closed: four of the largest frames. */
export const maxLinkQueueBytes = 4 * maxFrameBytes;

/** One chunk of a stream: what waits behind it on a gigabit link waits 0.1 ms. */
export const maxStreamChunkBytes = 16 * 1024;

/** What a chunk costs at least: 100,000 chunks of one byte would take forty times their size in memory. */
export const minStreamChunkCost = 256;

/** Credit for one direction of a stream on one link: what a node holds for a slow reader. 10 Gbit/s within a rack keep 0.25 MB on the way. */
export const streamWindowBytes = 256 * 1024;

/** The smallest credit that a neighbour may begin with: with less than a chunk, nothing would ever move. */
export const minStreamWindowBytes = 64 * 1024;

/** Stream data on a link that the neighbour has not read yet: 20 ms of a 100 Mbit/s link, and a heartbeat waits behind it. */
export const maxUnreadLinkBytes = 256 * 1024;

/** Streams that one neighbour may open over its link: a console's screens all come from one node. */
export const maxStreamsPerLink = 128;

/** Streams that end on a node or pass it. Their windows are 128 MiB at worst, when every reader of both directions has stopped. */
export const maxStreams = 256;

/** Streams of one member that end on a node. */
export const maxStreamsPerMember = 64;

/** Characters of a service's name, and bytes of the JSON that asks for it. */
export const maxServiceCharacters = 64;
export const maxStreamOpenBytes = 4_352;

/** Time for a service to take a stream, or for a relay to hear that it did. */
export const streamOpenMs = 30_000;

/** A stream with one direction ended, on which nothing moves: a reader that will not come back. */
export const streamHalfOpenMs = 600_000;

/** Time for a neighbour to confirm the end of a stream: it does so at once. */
export const streamConfirmMs = 30_000;

/** How far a link state may be ahead of this node's clock: clocks of members are set, or at least on the same day. */
export const maxClockAheadMs = 24 * 3600 * 1000;

/** Neighbours in one link state: twice the largest degree, and two that insisted meanwhile (SPEC D3). */
export const maxStateNeighbours = 2 * maxDegree + 2;

/** Texts of host facts. The longest is a line for each reason against a reboot. */
export const maxFactCharacters = 4_096;

/** Error text of a member's answer. */
export const maxErrorCharacters = 65_536;

/** Connections to the mesh port that have not shown a certificate yet, in all and from one address. A member needs one. */
export const maxStrangers = 512;
export const maxStrangersPerAddress = 32;

/** Addresses that members were seen at: as many as a roster has nodes. They have as many places as strangers, but separate ones. */
export const maxRosterAddresses = 4_096;

/** Time from an accepted TCP connection to a finished TLS handshake, and from there to a hello. */
export const handshakeTimeoutMs = 5_000;

/** Requests of one member that run here at the same time. A person's `mesh send` is one. */
export const maxRequestsPerMember = 256;

/** An answer to a member to which there is no route waits this long for one: as long as most requests wait for their answer. */
export const keptAnswerMs = 60_000;
/** Answers that wait so, or were sent within a second: a question to all of a large mesh brings as many, and most are small. */
export const maxKeptAnswers = 1_024;
/** Four answers of the largest size. */
export const maxKeptAnswersBytes = 4 * maxFrameBytes;

/** The longest `mesh timeout`, and what `mesh timeout 0` means: a day. Nothing waits for ever. */
export const maxMeshTimeoutMs = 24 * 3600 * 1000;

/** One answer of the command socket. minimega's `file stream` sends 14 MB in one object. */
export const maxResponseBytes = 64 * 1024 * 1024;

/** The answers of all nodes to one `mesh send`: they become one answer of the command socket, and 1,000 nodes could send 4 GB. */
export const maxAnswersBytes = maxResponseBytes / 2;

/** Nodes and links of one cluster that a console takes from a node: five and twenty-five times the largest we build for. */
export const maxFleetNodes = 5_000;
export const maxFleetLinks = 50_000;

/** VLANs of one cluster: each number once, and as many again that persons forced. */
export const maxVlanRows = 2 * 4_094;

/** Rows of one cluster that a console takes from a node, of all kinds: ten times those of the largest we build for. */
export const maxClusterRows = 250_000;

/** Addresses of one node: a machine with more is misread or malicious. */
export const maxNodeAddresses = 64;

/** One answer of a command as a browser gets it; the rest is cut, and the answer says so. */
export const maxBrowserAnswerBytes = 1024 * 1024;

/** Commands of one user that run at the same time: a person has a few terminals. */
export const maxCommandsPerUser = 32;

/** A call of a browser or the CLI, as JSON. A form with 5,000 pasted nodes is about 300 kB. */
export const maxCallBytes = 1_000_000;

/** A frame on a browser's connection: above it the connection ends, below it the call gets an answer that says why. */
export const maxSocketFrameBytes = 2 * maxCallBytes;

/** Calls of one connection that are not answered yet. A person has a handful; a page that opens asks for ten. */
export const maxCallsAtOnce = 64;

/** Runs that one connection follows. A list page follows none, a run page one. */
export const maxFollowedRuns = 32;

/** Body of a login or set-up request. */
export const maxFormBytes = 16_384;

/** Characters of a secret that a run is given. An RSA key of 16,384 bits is 12,600 in PEM. */
export const maxSecretLength = 16_384;

/** Log lines of one step that are kept and shown. An apt that installs everything writes about 1,000; a node may write forever. */
export const maxStepLogLines = 5_000;

/** Entries that one user without the role admin, or its commands, may write to the audit log in an hour; the rest is counted. */
export const auditEntriesPerHour = 1_000;

/** Tokens of one user: one for each script and machine. */
export const maxTokensPerUser = 20;

/** Tokens that one user makes in an hour, revoked ones too. */
export const maxTokensPerHour = 10;

/** A file name below -filepath, each of its parts (NAME_MAX), and how deep it lies: names travel in requests and rows. */
export const maxFileNameBytes = 1_024;
export const maxFileNamePartBytes = 255;
export const maxFileNameDepth = 32;

/** A file that travels between members: its chunk hashes are 32 MiB then. */
export const maxFileBytes = 2 ** 40;

/** The smallest and the largest piece that a file is cut into, and pieces that most files have: a bound on what a fetch loses or repeats. */
export const minFileChunkBytes = 64 * 1024;
export const maxFileChunkBytes = 1024 * 1024;
export const usualFileChunks = 1_024;

/** Images of one backing chain. QEMU itself takes 200; people make three. */
export const maxChainLength = 16;

/** Entries of -filepath that a listing looks at: a folder of results may have 100,000. */
export const maxListedFiles = 20_000;

/**
 * Rows that one node sends about its files. A node with more files sends the largest, and a last row with the number of the others. 1,000 such nodes
 * stay below `maxClusterRows`.
 */
export const maxFileRows = 200;

/** Names in these rows: a key of a row has the node's id in front, and at most 1,024 characters. */
export const maxRowFileNameCharacters = 900;

/** Files that one node fetches at a time, as minimega does; the others wait. */
export const maxFetches = 3;

/** Fetches of one node that are under way or wait: a folder of more files is copied in several goes. */
export const maxQueuedFetches = 1_000;

/** Nodes that one fetch takes chunks from at a time. More do not make it faster, and each costs chunks in memory. */
export const maxFetchSources = 6;

/** Streams on which one node serves files. */
export const maxServedFiles = 48;

/** Files that come to one node from outside of the cluster at a time, by upload or by URL: a person waits for each. */
export const maxIncoming = 4;

/** VMs of one node, those that have ended included: more than a machine runs, and a launch in a loop must not fill its disk. */
export const maxVmsPerNode = 1_000;

/** DHCP servers of one node: a process each. */
export const maxDhcpServers = 64;
/** Leases of one node that are shown: four NICs of each VM. */
export const maxLeaseRows = 4_000;
/** Interfaces of a node on VLANs, and mirrors. */
export const maxHostTaps = 256;
/** Words of `dnsmasq configure` that one server keeps, of each sort. */
export const maxDhcpExtras = 256;

/** Rows of one node's taps: four NICs of each VM. */
export const maxTapRows = 4 * maxVmsPerNode;

/** Characters of a reason or a tag in a row of a VM: what QEMU said last may be four long lines. */
export const maxVmReasonCharacters = 1_024;

/** Tags of a VM in its row, and NICs: the rest is in `vm info`. */
export const maxVmRowItems = 64;

/** Launches that hold names at the same time on one host: each is a person or a script that waits for it. */
export const maxVmHolds = 64;

/** Bytes of VMs in one request to launch them: the answer, their records, must fit into a frame too. */
export const maxLaunchRequestBytes = 1024 * 1024;

/** QEMUs that one node starts at the same time: each loads its firmware, and more of them only wait for a processor. */
export const maxLaunchesAtOnce = 8;

/** Bytes of the VMs of one node that all members keep: 1,000 VMs with a few networks each. What is beyond is left out. */
export const maxVmListBytes = 512 * 1024;

/** Bytes of a VM's tags in it: a person's notes, and not a way to fill the memory of all nodes. */
export const maxVmListTagBytes = 1_024;

/** Captures that run on one node at the same time: each is a program that reads all packets of an interface. */
export const maxRunningCaptures = 32;

/** Those that have ended and are remembered: some days of a busy class. Their files stay when they are forgotten. */
export const maxKeptCaptures = 200;

/** Packets that a page shows of one capture as they come; the rest is in its file. */
export const maxShownPackets = 500;

/** Captures in one file to download. */
export const maxMergedCaptures = 32;

/** Bytes of a clipboard that a VNC client sends, as QEMU bounds it (ui/vnc.c). */
export const maxCutTextBytes = 1024 * 1024;

/** Output of a serial port that is kept while somebody looks, for who reads it slowly; and of that, what who joins gets: some screens of text. */
export const maxSerialKeptBytes = 256 * 1024;
export const maxSerialJoinBytes = 64 * 1024;

/** Who looks at one serial port of a VM: a class of students and its teachers. QEMU takes as many for a screen. */
export const maxSerialViewers = 32;

/** Time for QEMU to take a connection to one of its sockets: it does so at once, unless it hangs. */
export const vmSocketMs = 5_000;

/** Pixels of the longer side of a small picture of a screen: what fits beside others on a wall, twice over for a dense display. */
export const wallPictureSide = 320;

/** Time from one small picture of a VM to its next one, at least. With many of them a node takes longer, since it gives a tenth of one processor. */
export const wallPictureMs = 1_000;

/** VMs of which one page has pictures at a time: what is on its screen, and no display shows more. */
export const maxWallVms = 500;
