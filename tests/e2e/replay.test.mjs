// The recorded exchanges with model providers, over the wire: a proxy stands between the daemon and the Internet, is every
// provider there (over TLS, by an authority of this test), checks what is asked and plays what was answered, cut in four ways.
// VECTORS names the folder of vectors; without it nothing is replayed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import tls from 'node:tls';
import { project, root, start } from './lib/daemon.mjs';

const folder = join(process.env.VECTORS ?? join(root, '../shared/vectors'), 'providers');
const providers = ['anthropic', 'cloudflare-workers-ai', 'dashscope', 'deepseek', 'googleai', 'huggingface', 'kimi', 'microsoft-foundry', 'mistral',
  'ollama', 'openai', 'openrouter', 'xai', 'zai'];
const names = ['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS', 'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'];

function load() {
  const all = [];
  for (const provider of providers)
    for (const file of existsSync(join(folder, provider)) ? readdirSync(join(folder, provider)) : []) {
      const vector = JSON.parse(readFileSync(join(folder, provider, file), 'utf8'));
      // Without a server there is nothing to replay; the conformance runner has those.
      if (vector.exchanges?.length && !vector.exchanges.some((e) => e.response?.transportError)) all.push(vector);
    }
  return all;
}

/** A certificate for these hosts, its own authority: {file, cert, key}. */
function certificateFor(hosts) {
  const at = project();
  const [file, keyFile] = [join(at, 'ca.pem'), join(at, 'key.pem')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj', '/CN=replay',
    '-addext', `subjectAltName=${hosts.map((host) => `DNS:${host}`).join(',')}`, '-out', file, '-keyout', keyFile], { stdio: 'ignore' });
  return { file, cert: readFileSync(file), key: readFileSync(keyFile) };
}

/** Whether a value is what is wanted; "{{any}}" is any text. */
function same(got, wanted) {
  if (wanted === '{{any}}') return typeof got === 'string' && got !== '';
  if (wanted === null || typeof wanted !== 'object') return got === wanted;
  if (got === null || typeof got !== 'object' || Array.isArray(got) !== Array.isArray(wanted)) return false;
  return Object.keys(got).length === Object.keys(wanted).length && Object.keys(wanted).every((key) => same(got[key], wanted[key]));
}
function parsedAt(value, pointer) {
  const steps = pointer.slice(1).split('/');
  const last = steps.pop();
  const parent = steps.reduce((at, step) => at?.[step], value);
  if (typeof parent?.[last] === 'string') parent[last] = JSON.parse(parent[last]);
}

function differs(vector, wanted, got) {
  const [url, asked] = [new URL(wanted.url), new URL(got.url)];
  if (got.method !== wanted.method || asked.origin !== url.origin || asked.pathname !== url.pathname) return `${got.method} ${got.url}`;
  if (url.searchParams.toString() !== asked.searchParams.toString()) return `query ${asked.search}`;
  for (const [name, value] of Object.entries(wanted.headers ?? {})) {
    const own = got.headers[name.toLowerCase()];
    if (name.toLowerCase() === 'content-type' && !got.body.length) continue;
    if (value === null ? own !== undefined : own === undefined || (value.endsWith('*') ? !own.startsWith(value.slice(0, -1)) : own !== value)) return `${name}: ${own}`;
  }
  if (wanted.body === undefined) return undefined;
  const [own, body] = [JSON.parse(got.body.toString()), structuredClone(wanted.body)];
  for (const pointer of vector.jsonStringEquivalence ?? []) [own, body].forEach((value) => parsedAt(value, pointer));
  return same(own, body) ? undefined : `body ${got.body}`;
}

/** Where an answer of this length is cut: whole, each byte, where the recording says, at random. */
function cuts(mode, length, split) {
  if (mode === 'byte by byte') return Array.from({ length: length - 1 }, (_, i) => i + 1);
  if (mode === 'at split') return (split ?? []).filter((at) => at > 0 && at < length);
  return mode === 'at random' ? Array.from({ length: Math.ceil(length / 20) }, () => 1 + Math.floor(Math.random() * (length - 1))).sort((a, b) => a - b) : [];
}

/** All providers: {port, play(vector, mode), complaints()}. */
async function everywhere(certificate) {
  let vector, mode, left, complaints;
  const answer = async (req, res, origin) => {
    const pieces = [];
    for await (const piece of req) pieces.push(piece);
    const got = { method: req.method, url: req.url.startsWith('http') ? req.url : origin + req.url, headers: req.headers, body: Buffer.concat(pieces) };
    const reasons = [];
    const found = left.find((e) => {
      const reason = differs(vector, e.request, got);
      if (reason) reasons.push(reason);
      return !reason;
    });
    if (!found) {
      complaints.push(`no exchange is this: ${reasons[0] ?? got.url}`);
      res.writeHead(599).end();
      return;
    }
    left = left.filter((e) => e !== found);
    const { status = 200, headers = {}, body, text, base64, split } = found.response;
    const bytes = base64 !== undefined ? Buffer.from(base64, 'base64') : Buffer.from(text ?? (body === undefined ? '' : JSON.stringify(body)));
    res.writeHead(status, headers);
    let at = 0;
    for (const cut of cuts(mode, bytes.length, split)) {
      res.write(bytes.subarray(at, cut));
      at = cut;
      await new Promise((done) => setImmediate(done));
    }
    res.end(bytes.subarray(at));
  };
  const inner = http.createServer((req, res) => answer(req, res, `https://${req.headers.host}`));
  const proxy = http.createServer((req, res) => answer(req, res, ''));
  proxy.on('connect', (req, socket) => {
    socket.write('HTTP/1.1 200 Connected\r\n\r\n');
    const secure = new tls.TLSSocket(socket, { isServer: true, cert: certificate.cert, key: certificate.key });
    secure.on('error', () => socket.destroy());
    inner.emit('connection', secure);
  });
  await new Promise((done) => proxy.listen(0, '127.0.0.1', done));
  return {
    port: proxy.address().port,
    play: (v, m) => ([vector, mode, left, complaints] = [v, m, [...v.exchanges], []]),
    complaints: () => [...complaints, ...left.filter((e) => !e.request.optional).map((e) => `never asked: ${e.request.url}`)],
    stop: () => { proxy.closeAllConnections(); return new Promise((done) => proxy.close(done)); },
  };
}

/** Adjacent texts (and thoughts) without anything else are one. */
function merged(content) {
  const out = [];
  for (const part of content ?? []) {
    const last = out.at(-1);
    const member = ['text', 'reasoning'].find((name) => last && [last, part].every((p) => Object.keys(p).length === 1 && typeof p[name] === 'string'));
    if (member) out[out.length - 1] = { [member]: last[member] + part[member] };
    else out.push(part);
  }
  return out;
}
function expectWithin(got, wanted, path, json) {
  if (Array.isArray(wanted)) {
    assert.equal(got?.length, wanted.length, `${path}: ${JSON.stringify(got)}`);
    wanted.forEach((value, i) => expectWithin(got[i], value, `${path}[${i}]`, json));
  } else if (wanted && typeof wanted === 'object') {
    for (const [key, value] of Object.entries(wanted))
      if (key === 'content') expectContent(got?.content, value, `${path}.content`, json);
      else expectWithin(got?.[key], value, `${path}.${key}`, json);
  } else assert.deepEqual(got, wanted, path);
}
function expectContent(got, wanted, path, json) {
  const plain = (content) => merged(content).map((part) => (json && typeof part.text === 'string' ? { text: JSON.parse(part.text) } : part));
  assert.deepEqual(plain(got), plain(wanted), path);
}

async function runAction(daemon, vector) {
  const [, type, name] = /^\/([^/]+)\/(.*)$/.exec(vector.action);
  const key = type === 'background-model' && vector.op !== 'start' ? `/${vector.op}-operation/${name}/${vector.op}` : vector.action;
  const res = await fetch(`http://${daemon.reflection}/api/runAction${vector.stream ? '?stream=true' : ''}`, {
    method: 'POST', body: JSON.stringify({ key, input: vector.input }) });
  const lines = (await res.text()).split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const last = lines.pop();
  return { chunks: lines, last, failure: last.error ?? (res.status === 200 ? undefined : last) };
}

async function expectOutcome(daemon, vector) {
  const { expect } = vector;
  if (vector.op === 'list') {
    const actions = await (await fetch(`http://${daemon.reflection}/api/actions`)).json();
    for (const key of expect.actions) assert.ok(actions[key], key);
    return;
  }
  const { chunks, last, failure } = await runAction(daemon, vector);
  if (expect.error) {
    assert.ok(failure, JSON.stringify(last));
    assert.equal(names[failure.code], expect.error.status, JSON.stringify(failure));
    if (expect.error.messageContains) assert.ok(failure.message.toLowerCase().includes(expect.error.messageContains.toLowerCase()), failure.message);
  } else {
    assert.ok(!failure, JSON.stringify(failure));
    expectWithin(last.result, expect.response ?? expect.operation ?? {}, 'result', vector.jsonTextParts);
  }
  if (!expect.chunks) return;
  const told = chunks.filter((chunk) => chunk.content?.length);
  assert.equal(told.length, expect.chunks.length, JSON.stringify(told));
  expect.chunks.forEach((chunk, i) => expectContent(told[i].content, chunk.content, `chunks[${i}]`, vector.jsonTextParts));
}

const vectors = load();
describe('recorded exchanges over the wire', { skip: vectors.length ? false : 'there are no vectors', concurrency: 3 }, () => {
  let certificate;
  before(() => {
    const hosts = new Set(vectors.flatMap((v) => v.exchanges.map((e) => new URL(e.request.url).hostname)));
    certificate = certificateFor([...hosts]);
  });
  for (const vector of vectors)
    it(vector.id, async () => {
      const proxy = await everywhere(certificate);
      const clean = Object.fromEntries(Object.keys(process.env).filter((name) => /KEY|TOKEN|proxy|OLLAMA|AZURE|_BASE_URL/i.test(name)).map((name) => [name, '']));
      const cwd = project({ 'genkitd.json.yaml': JSON.stringify({ plugins: { [vector.provider]: vector.plugin ?? {} } }) });
      const daemon = await start({ cwd, modules: [], args: ['--config', join(cwd, 'genkitd.json.yaml')], set: { 'http_client.ca_file': certificate.file, 'trace.enabled': 'false' },
        env: { ...clean, ...vector.env, http_proxy: `http://127.0.0.1:${proxy.port}`, https_proxy: `http://127.0.0.1:${proxy.port}` } });
      try {
        for (const mode of vector.stream ? ['whole', 'byte by byte', 'at split', 'at random'] : ['whole', 'byte by byte']) {
          proxy.play(vector, mode);
          await expectOutcome(daemon, vector);
          assert.deepEqual(proxy.complaints(), [], mode);
          if (vector.op === 'list') break; // it is remembered
        }
      } finally {
        await daemon.stop();
        await proxy.stop();
      }
    });
});
