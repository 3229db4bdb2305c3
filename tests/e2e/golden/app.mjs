// Runs the program of a golden file (a small language of components and calls) with the JavaScript SDK: node app.mjs FILE OUTCOME.
// Its spans go to $GENKIT_TELEMETRY_SERVER, its outcome into a file. record.mjs calls it.
import { genkit, InMemorySessionStore, z } from 'genkit/beta';
import { logger } from 'genkit/logging';
import { runInNewSpan, setCustomMetadataAttributes, flushTracing } from 'genkit/tracing';
import { trace as otel, SpanKind, context as otelContext } from '@opentelemetry/api';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { GenkitError } from 'genkit';

const program = JSON.parse(readFileSync(process.argv[2])).app.program;
logger.setLogLevel(program.logLevel ?? 'error');
for (const c of program.define.filter((it) => it.kind === 'promptFile')) {
  mkdirSync('prompts', { recursive: true }); // where the SDK looks
  writeFileSync(`prompts/${c.name}.prompt`, c.source);
}
const ai = genkit({});
const reg = {};
class Plain extends Error { constructor(d) { super(d.message); this.name = d.class; if (d.code) this.code = d.code; } }
const TYPES = { TypeError, RangeError, SyntaxError, Error };
function mk(d) {
  if (d.status) return new GenkitError({ status: d.status, message: d.message });
  if (d.class === 'AbortError') return new DOMException(d.message, 'AbortError');
  const T = TYPES[d.class];
  const e = T ? new T(d.message) : new Plain(d);
  if (d.code) e.code = d.code;
  return e;
}
function j2z(s) {
  if (!s || !s.type) return z.any();
  if (s.type === 'string') return z.string();
  if (s.type === 'number') return z.number();
  if (s.type === 'boolean') return z.boolean();
  if (s.type === 'array') return z.array(j2z(s.items));
  if (s.type === 'object') return z.object(Object.fromEntries(Object.entries(s.properties ?? {}).map(([k, v]) => [k, (s.required ?? []).includes(k) ? j2z(v) : j2z(v).optional()]))).passthrough();
  return z.any();
}
const textOf = (m) => m.content.map((p) => p.text ?? '').join('');
const lookup = (sc, n) => { for (let s = sc; s; s = s.up) if (n in s.vars) return s.vars[n]; return undefined; };
const scope = (vars, up) => ({ vars, up });
async function opts(sc, o, env) {
  const r = {};
  for (const k of ['model', 'prompt', 'system', 'config', 'docs']) if (o[k] !== undefined) { const v = await ev(sc, o[k], env); if (v !== undefined) r[k] = v; }
  if (o.tools) r.tools = o.tools;
  if (o.outputSchema) r.output = { schema: j2z(o.outputSchema) };
  if (o.use) r.use = o.use.map((n) => reg['mw:' + n]());
  return r;
}
const value = (r) => ({ text: r.text, output: r.output, finishReason: r.finishReason, interruptCount: r.interrupts.length });
async function ev(sc, e, env) {
  if (e === null || typeof e !== 'object') return e;
  if (Array.isArray(e)) { const out = []; for (const x of e) out.push(await ev(sc, x, env)); return out; }
  const ks = Object.keys(e);
  if (ks.length === 1 && ks[0][0] === '$') {
    const a = e[ks[0]];
    switch (ks[0]) {
      case '$var': { const [h, ...t] = a.split('.'); let v = lookup(sc, h); for (const p of t) { if (v == null) return undefined; v = v[p]; } return v; }
      case '$undefined': return undefined;
      case '$concat': { let s = ''; for (const x of a) { const v = await ev(sc, x, env); s += typeof v === 'string' ? v : JSON.stringify(v); } return s; }
      case '$upper': return (await ev(sc, a, env)).toUpperCase();
      case '$length': return (await ev(sc, a, env)).length;
      case '$mul': return (await ev(sc, a[0], env)) * (await ev(sc, a[1], env));
      case '$default': { const v = await ev(sc, a[0], env); return v ?? (await ev(sc, a[1], env)); }
      case '$ifEq': return (await ev(sc, a[0], env)) === (await ev(sc, a[1], env)) ? ev(sc, a[2], env) : ev(sc, a[3], env);
      case '$get': return (await ev(sc, a[0], env))?.[a[1]];
      case '$seq': { const s = scope({}, sc); s.isSeq = true; let v; for (const x of a) v = await ev(s, x, env); return v; }
      case '$set': { let s = sc; while (s && !s.isSeq) s = s.up; s.vars[a[0]] = await ev(sc, a[1], env); return undefined; }
      case '$step': {
        if ('input' in a) { const i = await ev(sc, a.input, env); return ai.run(a.name, i, (x) => ev(scope({ input: x }, sc), a.do, env)); }
        return ai.run(a.name, () => ev(sc, a.do, env));
      }
      case '$parallel': { const l = await ev(sc, a.over, env); return Promise.all(l.map((x) => ev(scope({ [a.as]: x }, sc), a.do, env))); }
      case '$throw': throw mk({ ...a, message: await ev(sc, a.message, env) });
      case '$throwValue': throw a;
      case '$try': try { return await ev(sc, a[0], env); } catch { return ev(sc, a[1], env); }
      case '$generate': return value(await ai.generate(await opts(sc, a, env)));
      case '$generateStream': { const { stream, response } = ai.generateStream(await opts(sc, a, env)); for await (const c of stream) env.sendChunk(c.text); return value(await response); }
      case '$retrieve': return ai.retrieve({ retriever: a.retriever, query: await ev(sc, a.query, env), options: await ev(sc, a.options, env) });
      case '$call': return reg[a.flow](await ev(sc, a.input, env));
      case '$span': return runInNewSpan(ai.registry, { metadata: { name: a.name, metadata: a.metadata, input: await ev(sc, a.input, env) } }, async (md) => { const r = await ev(sc, a.do, env); md.output = await ev(scope({ result: r }, sc), a.output, env); return r; }).catch((x) => { throw x; });
      case '$otelSpan': return otel.getTracer(a.tracer, a.version).startActiveSpan(a.name, { kind: SpanKind[a.kind], attributes: a.attributes }, async (s) => { for (const x of a.events ?? []) s.addEvent(x.name, x.attributes); try { return await ev(sc, a.do, env); } finally { s.end(); } });
      case '$metadata': setCustomMetadataAttributes(a); return undefined;
      case '$log': { const args = a.args.map((x) => x?.$error ? mk(x.$error) : x); logger[a.level](...args); return undefined; }
      case '$interrupt': return env.interrupt(await ev(sc, a, env));
      case '$waitAbort': return new Promise((_, no) => env.abortSignal.addEventListener('abort', () => no(mk(a))));
    }
    throw new Error('operator ' + ks[0]);
  }
  const out = {};
  for (const k of ks) { const v = await ev(sc, e[k], env); if (v !== undefined) out[k] = v; }
  return out;
}
const kinds = {
  model: (c) => ai.defineModel({ name: c.name, supports: c.supports }, async (req, cb) => {
    if (c.throw) throw mk(c.throw);
    if (c.respond) return structuredClone(c.respond);
    const last = req.messages.at(-1);
    const stop = (content, i, o) => ({ message: { role: 'model', content }, finishReason: 'stop', usage: { inputTokens: i, outputTokens: o, totalTokens: i + o } });
    if (c.behavior === 'tooler') {
      if (last.role === 'tool') return stop([{ text: 'answer: ' + last.content.map((p) => JSON.stringify(p.toolResponse.output)).join(';') }], 20, 6);
      return stop((req.tools ?? []).map((t, n) => ({ toolRequest: { name: t.name, ref: 'ref' + n, input: { city: 'Paris' } } })), 12, 8);
    }
    if (cb) {
      for (const t of ['one ', 'two ', 'three']) cb({ index: 0, role: 'model', content: [{ text: t }] });
      return stop([{ text: 'one two three' }], 5, 3);
    }
    return stop([{ text: 'echo: ' + textOf(last) }], 10, 4);
  }),
  'background-model': (c) => ai.defineBackgroundModel({ name: c.name, start: async () => ({ ...c.start }), check: async (op) => ({ ...op, ...c.check }) }),
  tool: (c) => ai.defineTool({ name: c.name, description: c.description, inputJsonSchema: undefined, inputSchema: j2z(c.inputSchema), outputSchema: j2z(c.outputSchema) }, (input, x) => ev(scope({ input }), c.do, x)),
  interrupt: (c) => ai.defineInterrupt({ name: c.name, description: c.description, inputSchema: j2z(c.inputSchema), outputSchema: j2z(c.outputSchema), requestMetadata: (input) => ev(scope({ input }), c.requestMetadata, {}) }),
  flow: (c) => ai.defineFlow({ name: c.name, inputSchema: c.inputSchema && j2z(c.inputSchema), outputSchema: c.outputSchema && j2z(c.outputSchema), streamSchema: c.streamSchema && j2z(c.streamSchema) }, (input, x) => ev(scope({ input, context: x.context }), c.do, x)),
  prompt: (c) => ai.definePrompt({ name: c.name, model: c.model, config: c.config, system: c.system, prompt: c.prompt, input: c.inputSchema && { schema: j2z(c.inputSchema) } }),
  promptFile: (c) => ai.prompt(c.name.split('.')[0], { variant: c.name.split('.')[1] }),
  embedder: (c) => ai.defineEmbedder({ name: c.name }, async (d) => ({ embeddings: (d.input ?? d).map(() => ({ embedding: c.embedding })) })),
  retriever: (c) => ai.defineRetriever({ name: c.name, configSchema: c.optionsSchema && j2z(c.optionsSchema) }, async (q) => { if (c.embedQueryWith) await ai.embed({ embedder: c.embedQueryWith, content: q }); return { documents: c.documents }; }),
  indexer: (c) => ai.defineIndexer({ name: c.name }, async () => {}),
  reranker: (c) => ai.defineReranker({ name: c.name }, async (q, docs) => ({ documents: docs.map((d, i) => ({ content: d.content, metadata: { score: 1 - i * c.scoreStep } })) })),
  agent: (c) => ai.defineAgent({ name: c.name, model: c.model, ...(c.system ? { system: c.system } : {}), ...(c.tools ? { tools: c.tools } : {}), ...(c.store ? { store: new InMemorySessionStore() } : {}) }),
  evaluator: (c) => ai.defineEvaluator({ name: c.name, displayName: c.name, definition: 'x' }, async (d) => { if (d.input === c.failOnInput) throw new Error(c.failMessage); return { testCaseId: d.testCaseId, evaluation: { score: String(d.output).length } }; }),
};
for (const c of program.define) {
  if (c.kind === 'middleware') {
    const { generateMiddleware } = await import('genkit/beta');
    reg['mw:' + c.name] = generateMiddleware({ name: c.name }, () => ({ model: (r, x, n) => n(r, x), tool: (r, x, n) => n(r, x), generate: (r, x, n) => n(r, x) }));
    continue;
  }
  reg[c.name] = kinds[c.kind](c);
}
let outcome, last;
const clean = (v) => v === undefined ? undefined : JSON.parse(JSON.stringify(v));
const entries = {
  async run(e) {
    const a = await ai.registry.lookupAction(e.run);
    const o = {};
    if (e.context) o.context = e.context;
    if (e.telemetryLabels) o.telemetryLabels = e.telemetryLabels;
    if (e.abortAfterMs) { const c = new AbortController(); setTimeout(() => c.abort(), e.abortAfterMs); o.abortSignal = c.signal; }
    const r = await a.run(e.input, o);
    last = r.telemetry;
    outcome = { result: { result: r.result, telemetry: { traceId: '<traceId>', spanId: '<spanId>' } } };
  },
  async stream(e) { const a = await ai.registry.lookupAction(e.stream); const r = a.stream(e.input); const chunks = []; for await (const c of r.stream) chunks.push(c); outcome = { result: { chunks, result: await r.output } }; },
  async prompt(e) {
    const p = reg[e.prompt];
    if (e.stream) { const r = p.stream(e.input); for await (const c of r.stream); outcome = { result: (await r.response).text }; }
    else outcome = { result: (await p(e.input)).text };
  },
  async generate(e) { outcome = { result: (await ai.generate(await opts(null, e.generate, {}))).text }; },
  async embed(e) { outcome = { result: await ai.embed(e.embed) }; },
  async index(e) { const { Document } = await import('genkit'); await ai.index({ indexer: e.index.indexer, documents: e.index.documents.map((t) => Document.fromText(t)) }); outcome = { result: null }; },
  async rerank(e) { const { Document } = await import('genkit'); outcome = { result: await ai.rerank({ reranker: e.rerank.reranker, query: e.rerank.query, documents: e.rerank.documents.map((t) => Document.fromText(t)) }) }; },
  async evaluate(e) { outcome = { result: await ai.evaluate({ evaluator: e.evaluate.evaluator, dataset: e.evaluate.dataset, evalRunId: e.evaluate.evalRunId }) }; },
  async chat(e) {
    const chat = reg[e.chat.agent].chat(), result = {};
    for (const [i, text] of e.chat.send.entries()) result[String.fromCharCode(97 + i)] = (await chat.send(text)).text;
    outcome = { result };
  },
  async bidi(e) {
    const session = reg[e.bidi.agent].streamBidi({});
    for (const text of e.bidi.send) session.send({ message: { role: 'user', content: [{ text }] } });
    session.close();
    for await (const chunk of session.stream);
    outcome = { result: await session.output };
  },
  async background(e) { const { operation } = await ai.generate({ model: e.background.model, prompt: e.background.prompt }); outcome = { result: await ai.checkOperation(operation) }; },
};
try {
  for (const e of program.invoke) {
    const k = ['prompt', ...Object.keys(entries)].find((x) => x in e);
    if (!k) throw new Error('entry ' + JSON.stringify(e));
    await entries[k](e);
  }
} catch (x) {
  outcome = { error: x instanceof Error ? { name: x.name, message: x.message, status: x.status } : { thrown: x } };
}
await flushTracing(); await new Promise((done) => setTimeout(done, 300)); // the exporter looks for its resource first
writeFileSync(process.argv[3], JSON.stringify(clean(outcome)));
process.exit(0);
