// Records golden traces: node record.mjs FILE... runs the program of each file with the JavaScript SDK (app.mjs) and writes what
// it exported into the file: the trees of its traces with masks, the order of the ends, and the outcome.
import { createServer } from 'node:http';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
const JS = new Set(['genkit:input', 'genkit:output', 'genkit:init', 'genkit:metadata:context', 'genkit:metadata:interrupt', 'genkit:metadata:resumed']);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
function mask(v, k) {
  if (k === 'traceId' && /^[0-9a-f]{32}$/.test(v)) return '<traceId>';
  if (k === 'spanId' && /^[0-9a-f]{16}$/.test(v)) return '<spanId>';
  if (k === 'latencyMs' && typeof v === 'number') return '<number>';
  if (typeof v === 'string') return UUID.test(v) ? '<uuid>' : v;
  if (Array.isArray(v)) return v.map((x) => mask(x));
  if (v && typeof v === 'object') return Object.fromEntries(Object.entries(v).map(([a, b]) => [a, mask(b, a)]));
  return v;
}
async function record(file) {
  const posts = [];
  const server = createServer((q, r) => { let t = ''; q.on('data', (d) => (t += d)); q.on('end', () => { posts.push([q.url, t]); r.end('OK'); }); });
  await new Promise((d) => server.listen(0, '127.0.0.1', d));
  const cwd = mkdtempSync(join(tmpdir(), 'golden-'));
  writeFileSync(join(cwd, 'package.json'), '{}');
  const out = join(cwd, 'outcome');
  const child = spawn('node', [new URL('app.mjs', import.meta.url).pathname, file, out], { cwd, env: { ...process.env, GENKIT_ENV: 'dev', GENKIT_TELEMETRY_SERVER: `http://127.0.0.1:${server.address().port}` }, stdio: ['ignore', 'ignore', 'pipe'] });
  let err = ''; child.stderr.on('data', (d) => (err += d));
  await new Promise((d) => child.on('exit', d));
  server.close(); server.closeAllConnections();
  if (err) console.error(file, err.slice(0, 2000));
  const traces = new Map(), order = [];
  for (const [url, text] of posts) {
    if (!url.startsWith('/api/traces')) continue;
    const p = JSON.parse(text);
    const t = traces.get(p.traceId) ?? new Map(); traces.set(p.traceId, t);
    const kept = Object.values(p.spans).filter((s) => s.attributes['genkit:metadata:subtype'] !== 'prompt');
    for (const s of Object.values(p.spans)) if (s.endTime) order.push(s.displayName);
    for (const s of kept) t.set(s.spanId, { ...s, n: order.length });
    if (!kept.length) for (const s of t.values()) if (s.parentSpanId && !t.has(s.parentSpanId)) delete s.parentSpanId;
  }
  const node = (s, t) => ({
    displayName: s.displayName, spanKind: s.spanKind, instrumentationLibrary: s.instrumentationLibrary, status: s.status,
    attributes: Object.fromEntries(Object.entries(s.attributes).map(([k, v]) => { if (!JS.has(k) || typeof v !== 'string') return [k, k === 'genkit:lastKnownParentSpanId' ? '<spanId>' : mask(v)]; let j; try { j = JSON.parse(v); } catch { return [k, v]; } return [k, { $json: mask(j) }]; })),
    events: (s.timeEvents?.timeEvent ?? []).map((e) => ({ description: e.annotation.description, attributes: { ...e.annotation.attributes, ...(e.annotation.attributes['exception.stacktrace'] ? { 'exception.stacktrace': '<stack>' } : {}) } })),
    children: [...t.values()].filter((c) => c.parentSpanId === s.spanId).sort((a, b) => a.startTime - b.startTime || a.n - b.n).map((c) => node(c, t)),
  });
  const lists = [...traces.values()].filter((t) => t.size).sort((a, b) => Math.min(...[...a.values()].map((s) => s.startTime)) - Math.min(...[...b.values()].map((s) => s.startTime)));
  const doc = JSON.parse(readFileSync(file));
  doc.structure = lists.map((t) => [...t.values()].filter((s) => !s.parentSpanId || !t.has(s.parentSpanId)).sort((a, b) => a.startTime - b.startTime).map((s) => node(s, t)));
  doc.exportOrder = order;
  try { doc.outcome = mask(JSON.parse(readFileSync(out))); } catch (e) { console.error(file, 'no outcome', err); }
  rmSync(cwd, { recursive: true });
  writeFileSync(file, `${JSON.stringify(doc)}\n`);
}
for (const file of process.argv.slice(2)) await record(resolve(file));
