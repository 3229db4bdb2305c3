/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Every ceiling of the program has its name here, and a test that reaches it. Sizes are bytes, times are
 * milliseconds. What an administrator may change is only the default here; its key stands beside it.
 */
#ifndef GK_BASE_LIMITS_H
#define GK_BASE_LIMITS_H

/* Aligned by hand: a new line would move all others. */
/* clang-format off */

/* --- text and values --- */
#define GK_MAX_ERROR_MESSAGE (64u << 10) /* longer messages are cut */
#define GK_MAX_LOG_MESSAGE   (16u << 10)
#define GK_MAX_LOG_TAPS      4
/* What the values of one JSON text may take in memory: so much, and so many times the text. Without it a text of
 * "{},{}," would take seventy times its size. */
#define GK_JSON_MEMORY_BASE   (64u << 20)
#define GK_JSON_MEMORY_FACTOR 12u
#define GK_MAX_MEMO           (1u << 20)  /* of texts of values that are written again and again */
#define GK_MAX_EXTRACT_TEXT   (16u << 20) /* of a model, in which JSON is looked for */
/* What one JSON Patch may ask for. */
#define GK_MAX_PATCH_OPS        100000      /* a difference of more is told as one replacement */
#define GK_MAX_PATCH_PATHS      (16u << 20) /* bytes of a difference's paths; the same */
#define GK_MAX_PATCH_WORK       10000000 /* steps: values looked at and moved, members eightfold */
#define GK_MAX_PATCH_COPIED     (64u << 20) /* bytes of the values that its copies add */
#define GK_MAX_YAML_DEPTH       64
#define GK_MAX_YAML_NODES       200000 /* after aliases are expanded */
#define GK_MAX_YAML_TEXT        (16u << 20)
#define GK_MAX_PICOSCHEMA_DEPTH 40 /* the schema it stands for is up to three times as deep */

/* --- templates and prompts --- */
#define GK_MAX_TEMPLATE         (16u << 20)
#define GK_MAX_TEMPLATE_NESTING 100 /* blocks and parentheses inside of each other */
#define GK_MAX_TEMPLATE_DEPTH   128 /* bodies and partials being rendered: half a fiber's stack */
#define GK_MAX_TEMPLATE_OUTPUT  (64u << 20) /* of one rendering, what is thrown away included */
#define GK_MAX_TEMPLATE_STEPS   2000000     /* statements, turns of loops, text in kilobytes */
#define GK_MAX_PROMPT_FILE      (1u << 20)
#define GK_MAX_PROMPT_FOLDERS   32   /* inside of each other; deeper ones are not looked into */
#define GK_MAX_PROMPTS_AWAKE    1000 /* of those in files: templates and schemas kept in memory */
#define GK_PROMPT_BATCH         64   /* files read and taken over in one go */
#define GK_PROMPT_SETTLE_MS     20   /* a file written to so shortly ago is read a little later */
#define GK_PROMPT_LOOK_MS       1000 /* between two looks at what cannot be watched */
#define GK_LIST_SLICE           64   /* actions that tell late what they are, in a turn of the loop */

/* --- schemas and patterns --- */
#define GK_MAX_SCHEMA_DEPTH  256    /* nested validation, $ref loops included */
#define GK_MAX_SCHEMA_ERRORS 1000   /* messages of one failed validation */
#define GK_MAX_SCHEMA_NODES  200000 /* subschemas of one schema, and of what it refers to */
/* What one validation may cost: so many subschemas tried, and so many more for each part of the value. */
#define GK_MAX_SCHEMA_STEPS           1000000
#define GK_MAX_SCHEMA_STEPS_PER_VALUE 100
#define GK_MAX_SCHEMA_REGEX           10000000 /* backtracking steps, beyond what is linear */
#define GK_PCRE_MATCH_LIMIT           1000000
#define GK_PCRE_DEPTH_LIMIT           10000 /* and four for each byte of a long text */
#define GK_PCRE_HEAP_KIB              32768
#define GK_MAX_REGEX                  (16u << 10)
#define GK_MAX_REGEX_DEPTH            64 /* parentheses */
#define GK_MAX_REGEX_REPEAT           65535u /* PCRE2's */

/* --- loop --- */
#define GK_FIBER_STACK      (256u << 10)
#define GK_MAX_FIBERS       30000 /* guard pages need two mappings each; vm.max_map_count is 65,530 */
#define GK_FIBER_POOL       256   /* idle stacks kept for the next fiber */
#define GK_LOOP_TIDY        64    /* so much is left for later; then it is done at once */
#define GK_LOOP_TIDY_TURNS  8     /* so long at most is it held back */
#define GK_AWAKE_MS         2     /* server.keep_awake */
#define GK_AWAKE_REST_MS    1     /* so long it sleeps at least when somebody else wants the processor, */
#define GK_AWAKE_REST_MAX_MS 1000 /* and at most, when it is always so */
#define GK_LOOP_SLICE_US    100   /* of processor time at a turn; the least that Linux gives */
#define GK_SLOW_FIBER_MS    100   /* a fiber that keeps the loop longer is logged */
#define GK_CHILD_KILL_MS    2000 /* from SIGTERM to SIGKILL */
#define GK_MAX_CHILD_LINE   (16u << 20)
#define GK_MAX_CHILD_STDERR (64u << 10) /* the end of it is kept for the error */
#define GK_MAX_SSE_EVENT    (16u << 20)
#define GK_MAX_NDJSON_LINE  (16u << 20)
#define GK_MAX_WS_MESSAGE   (64u << 20)
#define GK_MAX_FETCH_BODY   (64u << 20)
#define GK_FETCH_CONNECT_MS 10000
#define GK_FETCH_IDLE_MS    60000
#define GK_FETCH_TOTAL_MS   600000
#define GK_FETCH_HOST_CONNS 2048         /* http_client.max_host_connections */
#define GK_FETCH_BUFFER     (256u << 10) /* a response body that nobody reads pauses here */
#define GK_FETCH_READ       (8u << 10) /* read at once without TLS: each transfer has that memory */
#define GK_FETCH_LINGER_MS  200        /* for the end of an answer that nobody needs any more */
#define GK_FETCH_LINGER     (64u << 10)  /* bytes of it */
#define GK_FETCH_POOL_MS    120000       /* connections are kept so long after the last transfer */
#define GK_FETCH_IDLE_CONNS 256          /* http_client.max_idle_connections */
#define GK_MAX_FETCH_HEAD   (256u << 10) /* of a response, interim ones included */
#define GK_MAX_URL          (16u << 10)
#define GK_MAX_METHOD       32 /* of a request */
#define GK_MAX_WS_HANDSHAKE (16u << 10) /* the answer to an upgrade */
#define GK_MAX_WS_PINGS     1000        /* unanswered, because the peer does not read */
#define GK_WS_PING_MS       20000
#define GK_WS_CLOSE_MS      5000 /* the peer's time to answer a close */

/* --- core --- */
#define GK_MAX_ACTIONS        100000
#define GK_MAX_ACTION_NAME    512
#define GK_MAX_RUN_DEPTH      100          /* actions calling actions */
#define GK_MAX_SINK           (256u << 10) /* chunks a client has not taken yet: above, the producer parks */
#define GK_MAX_INPUT_CHUNKS   1024 /* of a bidi run, not yet consumed */
#define GK_DAP_DEFAULT_TTL_MS 3000
#define GK_MAX_OBSERVERS      8  /* of spans */
#define GK_MAX_APP_SLOTS      16 /* one for each floor's table: no input reaches it */
#define GK_SPAN_LASTING_MS    10 /* a span that runs longer is shown while it runs */
#define GK_MAX_TRACE_STATE    512
#define GK_MAX_BAGGAGE        8192 /* of an incoming request; a longer one goes no further */
#define GK_MAX_OWNER          256  /* of a uid; a longer one is known by its digest */

/* --- what a span holds (telemetry section 1.8) --- */
#define GK_SPAN_ATTRIBUTES     128        /* trace.max_attributes, trace.max_event_attributes */
#define GK_SPAN_EVENTS         128        /* trace.max_events */
#define GK_SPAN_ATTRIBUTE_SIZE (4u << 20) /* trace.max_attribute_size */
#define GK_SPAN_MESSAGES       20         /* trace.max_messages */

/* --- telemetry --- */
#define GK_MAX_OTLP_DEPTH      100         /* messages within messages */
#define GK_MAX_OTLP_ITEMS      50000       /* spans and log records of one request */
#define GK_OTLP_MEMORY_BASE    (1u << 20)  /* what a request may unfold to: so much, */
#define GK_OTLP_MEMORY_FACTOR  24u         /* and so many times its size */
#define GK_MAX_LATE_COUNTS     (64u << 10) /* bytes of what is yet to be counted of spans; then it is */
#define GK_MAX_METRIC_SERIES   500         /* of one metric; what is beyond counts as "other" */
#define GK_MAX_METRIC_LABEL    256         /* bytes of a label */
#define GK_SPAN_LOG_PATH       4096        /* of the records that spans make */
#define GK_SPAN_LOG_CONTENT    (120u << 10)
#define GK_SPAN_LOG_MESSAGE    4096
#define GK_LAG_SAMPLE_MS       5000        /* between looks at how late the loop was */
#define GK_EXPORT_QUEUE        2048        /* telemetry.export, queue: spans or records that wait for one */
#define GK_EXPORT_BYTES        (64u << 20) /* what they hold in memory; the oldest are dropped */
#define GK_EXPORT_BATCH        512         /* telemetry.export, batch: of one request */
#define GK_EXPORT_BATCH_BYTES  (4u << 20)
#define GK_EXPORT_BODY         (64u << 20)
#define GK_EXPORT_ANSWER       (64u << 10)
#define GK_EXPORT_DELAY_MS     5000  /* telemetry.export, delay: from the first item to its request */
#define GK_EXPORT_LOG_DELAY_MS 1000  /* the same for log records */
#define GK_EXPORT_TIMEOUT_MS   10000 /* telemetry.export, timeout: for a request and its retries */
#define GK_EXPORT_TRIES        5
#define GK_EXPORT_RETRY_MS     1000 /* grows by half at each of the tries */
#define GK_EXPORT_GONE_MS      30000 /* the longest pause before a dead destination is tried again */
#define GK_EXPORT_COMPLAIN_MS  60000 /* between two lines in the log on one that refuses */
#define GK_EXPORT_FLUSH_MS     10000 /* for what is queued when the daemon ends */
#define GK_EXPORT_SETTLE_MS    1000  /* how long the end of a run waits for a development tool */
#define GK_EXPORT_DEV_PILE                                                                         \
	8 /* spans that wait for a development tool before several go in one request */

/* --- generate --- */
#define GK_MAX_TURNS          500  /* of one call that run tools, whatever maxTurns says */
#define GK_MAX_TOOLS          1024 /* offered in one request */
#define GK_MAX_TOOL_CALLS     256  /* that one answer of a model may ask for */
#define GK_MAX_CACHED_SCHEMAS 256  /* given as text by calls */
#define GK_MEDIA_AT_ONCE      8    /* media of one request that are fetched at once */
#define GK_MEDIA_REDIRECTS    10
#define GK_MAX_TOOL_FILE      (8u << 20) /* that the middleware `filesystem` reads */
#define GK_MAX_LISTED_FILES   10000
#define GK_MAX_FOLDER_DEPTH   64
#define GK_MAX_TEST_CALLS     1000 /* that test models remember */

/* --- store --- */
#define GK_MAX_TRACE_ID        256     /* of other programs: they need not be hexadecimal */
#define GK_MAX_TRACE_SPANS     1000000 /* further ones are not kept */
#define GK_STORE_GATHER_MS     10 /* what nobody waits for is written so long after the first of it, with what comes next, */
#define GK_STORE_GATHER_LATE   2  /* or when nothing comes, after so many times that */
#define GK_STORE_RING          (4u << 20)  /* bytes of what answers do not wait for; beyond, they wait for the commit */
#define GK_STORE_RING_MARKS    8192        /* and so many writes to it */
#define GK_STORE_RINGS         8           /* processes that write to the same file and have one */
#define GK_STORE_GATHER_BYTES  (512u << 10) /* so many go at once */
#define GK_STORE_RELAXED_MS    100         /* the same with trace.durability: relaxed */
#define GK_STORE_GATHER        256         /* and so many spans */
#define GK_STORE_BATCH         2048        /* spans of one transaction */
#define GK_MAX_STORE_QUEUE     (32u << 20) /* what waits for the disk; beyond, the oldest are dropped */
#define GK_STORE_RETRY_MS      1000        /* after a failure of the disk */
#define GK_STORE_BUSY_MS       5000        /* for another process that writes to the same file */
#define GK_STORE_WAIT_MS       10000       /* the longest that an answer waits for its commit */
#define GK_STORE_WAL           (16u << 20) /* beyond, the log is copied into the file when it is quiet */
#define GK_STORE_WAL_BUSY      (64u << 20)  /* beyond, also when it is not */
#define GK_STORE_WAL_MAX       (256u << 20) /* beyond, writing waits for that */
#define GK_STORE_WAL_REST      (512u << 10) /* so little is copied between two commits */
#define GK_STORE_WAL_PASSES    16           /* that try to leave so little */
#define GK_STORE_READERS       4            /* connections that read */
#define GK_STORE_QUIET_MS      40           /* so long without a write before what may wait is done */
#define GK_STORE_DIRECT        256  /* so many spans of other programs go into the tables at once, */
#define GK_STORE_DIRECT_OWN    1024 /* and so many of our own runs; fewer into the journal; */
#define GK_STORE_DIRECT_SIZE   (1u << 20) /* and so many bytes */
#define GK_STORE_FOLD          1000   /* spans of one transaction from the journal into the tables */
#define GK_STORE_GATHERED      64     /* traces of one span that one statement puts into the tables */
#define GK_STORE_MARK_MS       32     /* a stretch of the list of traces, which filters look through or pass by */
#define GK_STORE_MARKS_KNOWN   256    /* marks of stretches that are kept in mind, not to be written again */
#define GK_STORE_INDEX         1000   /* spans of one transaction that indexes texts */
#define GK_STORE_LEAST         16     /* the same of both, when something waits to be written */
#define GK_STORE_BUSY          250    /* the same, between two commits without a pause */
#define GK_STORE_FOLD_LAG      50000  /* spans in the journal; beyond, another processor folds in pauses, */
#define GK_STORE_INDEX_LAG     250000 /* and indexes beyond so many; */
#define GK_STORE_FOLD_MAX      500000 /* beyond so many, or so many bytes, both wait for no pause, */
#define GK_STORE_FOLD_BYTES    (384u << 20)
#define GK_STORE_INDEX_MAX     500000
#define GK_STORE_FOLD_AGE_MS   30000  /* nor after so long; then the same time is for what came until then */
#define GK_STORE_INDEX_AGE_MS  120000
#define GK_STORE_END_MS        1000 /* that closing the store folds; the rest waits for the next to open it */
#define GK_STORE_INDEX_TEXT    (32u << 10) /* of each of input, output and error, for the index */
#define GK_STORE_PACK          4096        /* a document of so many bytes is compressed */
#define GK_STORE_STATES        4096        /* traces that the writer keeps in mind between transactions, */
#define GK_STORE_KNOWN_SPANS   100000      /* and spans of them; beyond, it forgets all */
#define GK_STORE_SWEEP_MS      60000       /* between looks for what is too old */
#define GK_STORE_SWEEP_LATE_MS 1000        /* after its time it waits for nothing */
#define GK_STORE_SWEEP_STEP    100         /* traces deleted in one transaction */
#define GK_TRACE_LIST          10          /* traces of a page */
#define GK_MAX_TRACE_LIST      1000
#define GK_TRACE_LIST_MARK     1000 /* rows that a list counts without keeping in mind where they end */
#define GK_LOG_LIST            100 /* log records of a page */
#define GK_MAX_LOG_LIST        1000
#define GK_MAX_SEARCH_HITS     20000 /* spans that a search looks at */
#define GK_MAX_SEARCH_TERMS    32
#define GK_MAX_SEARCH_WORDS                                                                        \
	16 /* that begin with what was typed last, and are looked for one by one */
#define GK_MAX_FILTER_TERMS 256          /* values of a filter */
#define GK_MAX_NAME_SCAN    2000         /* distinct names that `contains` looks through */
#define GK_MAX_WATCHERS     256          /* live streams of traces */
#define GK_MAX_WATCH_BUFFER (4u << 20)   /* events that a stream's client has not taken */
#define GK_WATCH_PING_MS    15000        /* between two comments, which keep a stream from being cut as idle */
#define GK_INGEST_BODY      (20u << 20)  /* as it comes */
#define GK_INGEST_INFLATED  (100u << 20) /* after decompression */

/* --- ai --- */
#define GK_MAX_AGENT_INPUTS   256 /* that wait for their turn; beyond, they wait at their sender */
#define GK_MAX_AGENT_CHUNKS   256 /* of a stream in C that nobody has read: beyond, the turn waits */
#define GK_MAX_AGENT_STATE    (64u << 20) /* bytes of one session's messages, artifacts and values */
#define GK_MAX_DETACHED_RUNS  1000        /* agents at work without a client */
#define GK_AGENT_HEARTBEAT_MS 30000       /* between two signs of life of one */
#define GK_MAX_DIMENSIONS     65536       /* of a vector */
#define GK_MAX_VECTORS        4194304u    /* of one list: each is looked at by every search */
#define GK_MAX_SEARCH_ON_LOOP (1u << 20)  /* numbers; a larger search is a worker's */
#define GK_MAX_PARALLEL_CASES 64          /* of a batch that is evaluated: the others wait */
#define GK_MAX_BATCH_SIZE     1000000     /* a larger one means the same */

/* --- sessions --- */
#define GK_MAX_SESSION_NAME      1024 /* of a store, an owner, a session, a snapshot, a thread */
#define GK_MAX_SNAPSHOT          (64u << 20) /* a session's state, as text */
#define GK_MAX_SNAPSHOT_TRIES    100         /* of a change that others come between */
#define GK_MAX_SNAPSHOT_WATCHERS 30000
#define GK_KNOWN_SNAPSHOTS       4096   /* of which it is known what they take: a new one takes another's place */
#define GK_MAX_MEMORY_SNAPSHOTS  100000 /* the store in memory forgets the oldest beyond */
#define GK_SNAPSHOT_EXPIRED_MS   60000 /* without a heartbeat, a pending snapshot counts as expired */
#define GK_SESSION_LIST          100   /* sessions of a page */
#define GK_MAX_SESSION_LIST      1000 /* and, with one id, of those that are shown */
#define GK_SESSION_CACHE         (16u << 20) /* text of the states that the store has in memory */
#define GK_MAX_AGENTS_ASKED      256         /* lists that models were asked with, for the turns that go on, */
#define GK_AGENTS_ASKED_BYTES    (16u << 20) /* and of text in their messages, which stores mostly share */
#define GK_SESSION_CACHE_HINTS   10000       /* sessions of which it knows the last snapshot */
#define GK_SESSION_SWEEP_LARGE   10    /* sessions deleted at once when they take too much room */
#define GK_SESSION_TOUCH_MS      60000 /* so long after each other the use of a session is noted */
#define GK_SESSION_START_MS      5000  /* the longest that the start waits for the disk */
#define GK_MAX_CHAIN             1000000 /* snapshots that may be kept of a chain, and that pruning looks at beyond them */

/* --- model providers --- */
#define GK_MAX_VENDOR_HEADERS     64 /* of one request */
#define GK_MAX_VENDOR_SECRETS     64 /* of one request: they are kept out of its errors */
#define GK_MAX_VENDOR_BODY        (256u << 20)
#define GK_MAX_VENDOR_FAILURE     (1u << 20)  /* of an error's body */
#define GK_MAX_VENDOR_MESSAGE     2048u       /* what an error quotes of it */
#define GK_MAX_FORM_DEPTH         8           /* of what a form says of a call's configuration */
#define GK_MAX_VENDOR_CHOICES     128         /* of one streamed answer */
#define GK_MAX_VENDOR_TOOL_NAME 64 /* bytes; of a longer one the end is a hash */
#define GK_MAX_VENDOR_CALLS       1024        /* tool calls of one streamed answer */
#define GK_MAX_VENDOR_STREAM      (64u << 20) /* what one streamed answer may add up to */
#define GK_MAX_DOWNLOAD           (20u << 20) /* of a media part that is fetched for a provider */
#define GK_MAX_DOWNLOAD_REDIRECTS 5u
#define GK_DOWNLOAD_MS            60000
#define GK_VENDOR_CONNECT_MS      60000
#define GK_VENDOR_IDLE_MS         600000   /* a model may think so long before it says a word */
#define GK_VENDOR_TOTAL_MS        86400000 /* plugins.NAME.timeout */
#define GK_VENDOR_PARTIAL                                                                          \
	(32u << 10) /* longer arguments of a tool call are parsed at each eighth of growth */
#define GK_MAX_SCHEMA_INLINE (256u << 10) /* values of a schema after its $refs are replaced */
#define GK_MAX_EMBED_BATCH   2048u        /* documents of one request */
#define GK_CLOUDFLARE_BATCH  100u
#define GK_VENDOR_LISTING_MS 300000 /* the models that a service listed are believed so long */
#define GK_MAX_VENDOR_PAGES  100    /* of a listing */
#define GK_MAX_GEMINI_NAME   256    /* of a member of arguments that come in pieces */
#define GK_MAX_GEMINI_INDEX  10000  /* of a list in them */
#define GK_MAX_GEMINI_PARTS  100000 /* of one streamed answer */
#define GK_OLLAMA_LISTING_MS 5000
#define GK_TOKEN_SPARE_S     300    /* a token that ends sooner is renewed first */
#define GK_TOKEN_AGAIN_S     30     /* when that fails, one that still holds is used for so long before */
#define GK_MAX_TOKEN_S       86400u /* one that says it lasts longer is renewed all the same */
#define GK_TOKEN_MS          20000  /* for a service that gives tokens */
#define GK_METADATA_MS       1000   /* for the machine's own, so often: */
#define GK_METADATA_TRIES    3
/* Of each provider; the keys are below plugins.NAME. */
#define GK_GATE_CONCURRENT      2048u  /* max_concurrent */
#define GK_GATE_QUEUE           10000u /* max_queue: that wait for one of them */
#define GK_GATE_BREAK_AFTER     5u     /* break_after: failures in a row before it is not asked for: */
#define GK_GATE_BREAK_MS        10000  /* break_time */
#define GK_GATE_BREAK_MAX_MS    600000 /* or what its Retry-After says, up to this */
#define GK_OLLAMA_LIST_MS       5000   /* for an answer that is to be listed */
#define GK_OLLAMA_SHOWS         4      /* models that are asked at once what they can do */
#define GK_OLLAMA_SHOW_RETRY_MS 30000  /* before one that did not answer is asked again */

/* --- daemon --- */
#define GK_MAX_CONFIG       (1u << 20)  /* one file of it */
#define GK_MAX_EXEC_STDERR  4096u       /* what an error quotes of it */
#define GK_MAX_EXEC_CONTEXT (64u << 10) /* a larger one is not put into the environment */
#define GK_MAX_SECRET       (64u << 10) /* what ${file:} and ${credential:} read */
#define GK_MAX_SOCKETS      1024        /* that a service manager hands over */

/* --- genkitctl --- */
#define GK_CTL_MAX_WORDS 64 /* behind a command */

/* --- server --- */
#define GK_HTTP_HEADER_MS       10000 /* server.header_timeout */
#define GK_HTTP_BODY_MS         60000 /* server.body_timeout */
#define GK_HTTP_IDLE_MS         65000 /* server.idle_timeout */
#define GK_HTTP_GRACE_MS        2 /* the head of an answer waits so long for the first of its body */
#define GK_HTTP_MAX_CONNECTIONS 10000 /* server.max_connections */
/* A client that says nothing any more is probed after so many seconds, so often, and has gone after so many probes. */
#define GK_TCP_SILENCE_S          30
#define GK_TCP_PROBE_S            10
#define GK_TCP_PROBES             3
#define GK_HTTP_CONNECTION_MEMORY (16u << 10)
#define GK_HTTP_FLOW_BODY         (16u << 20) /* server.max_body */
#define GK_HTTP_REFLECTION_BODY   (30u << 20)
#define GK_HTTP_COMING_BODIES     (256u << 20) /* of a listener, together, that are not yet whole */
#define GK_HTTP_EARLY_REFUSAL     (64u << 20) /* a larger body is not read to its end to be refused */
#define GK_DURABLE_STREAM_TTL_MS  300000      /* a finished durable stream is kept as long */
#define GK_MAX_DURABLE_STREAMS    10000
#define GK_MAX_DURABLE_BYTES      (64u << 20)  /* of all recorded chunks together */
#define GK_DRAIN_MS               30000        /* server.drain_timeout */
#define GK_GIVE_UP_MS             2000         /* for runs that have been called off to say so */
#define GK_PARSE_ON_LOOP          (256u << 10) /* a larger body is parsed by a worker */
/* The runtime file is touched so often, and so long after each other: the CLI looks at its folder once a second. */
#define GK_RUNTIME_FILE_TOUCHES    4
#define GK_RUNTIME_FILE_TOUCH_MS   1200
#define GK_MAX_RUNTIME_FILE        (64u << 10) /* a larger one is none */
#define GK_REFLECTION_PORT_TRIES   100         /* above the usual port, when somebody has that */
#define GK_REFLECTION_RETRY_MS     500         /* before a manager that is gone is called again, doubled by */
#define GK_REFLECTION_RETRY_MAX_MS 5000        /* each failure up to this */

/* clang-format on */

#endif
