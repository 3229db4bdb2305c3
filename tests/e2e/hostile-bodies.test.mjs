// Bodies that are nearly right, broken, too deep, too long or too much, for what takes traces, sessions, agents, feedback and
// streams. HOSTILE_ROUNDS says how many for each (150; by hand 5000). Every one is answered, none with "internal", and what the
// daemon serves afterwards is what it served before.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { genkitctl, run, start, until } from './lib/daemon.mjs';

const rounds = Number(process.env.HOSTILE_ROUNDS ?? 150);

// A generator with a seed, so that a finding can be played again.
let seed = Number(process.env.HOSTILE_SEED ?? 7);
function random(n) {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
  return (seed >>> 8) % n;
}
const pick = (list) => list[random(list.length)];

const odd = () => pick([null, true, -1, 1e308, 2 ** 53, 0.5, '', 'x', '\0', '\ud800', '__proto__', '../../etc/passwd', "' OR 1=1 --", 'a'.repeat(5000), '%00', [], {}, [[]], { a: {} }, [null],
  'f'.repeat(32), '18446744073709551616', '9'.repeat(400), { toString: 1 }, ['x', 5]]);
/** A copy with one place changed, left out, doubled or moved. */
function bend(value) {
  if (random(4) === 0 || value === null || typeof value !== 'object') return odd();
  const copy = Array.isArray(value) ? [...value] : { ...value };
  const keys = Object.keys(copy);
  if (!keys.length) return { [pick(['x', 'messages', 'spans', 'state', 'init'])]: odd() };
  const key = pick(keys);
  const how = random(8);
  if (how === 0) delete copy[key];
  else if (how === 1) copy[`${key}${key}`] = odd();
  else if (how === 2) copy[key] = [copy[key], copy[key]];
  else copy[key] = bend(copy[key]);
  return copy;
}
/** The bytes of one, sometimes broken as text as well. */
function bytesOf(value) {
  const text = Buffer.from(JSON.stringify(value) ?? 'null');
  const how = random(6);
  if (how === 0) return text.subarray(0, random(text.length + 1));
  if (how === 1) for (let i = 0; i < 3; i++) text[random(text.length)] = random(256);
  if (how === 2) return Buffer.concat([text, text]);
  return text;
}

// --- OTLP as protobuf, by hand, so that it may be wrong ---
const varint = (n) => { const out = []; for (n = BigInt(n); n > 127n; n >>= 7n) out.push(Number(n & 127n) | 128); out.push(Number(n)); return Buffer.from(out); };
const field = (number, bytes, length = bytes.length) => Buffer.concat([varint((number << 3) | 2), varint(length), bytes]);
const otlpSpan = () => Buffer.concat([field(1, Buffer.from('0af7651916cd43dd8448eb211c80319c', 'hex')), field(2, Buffer.from('b7ad6b7169203331', 'hex')), field(5, Buffer.from('a name')),
  Buffer.from([0x39]), Buffer.from('00f2052a01000000', 'hex'), Buffer.from([0x41]), Buffer.from('00f2052a02000000', 'hex')]);
const otlp = (span = otlpSpan()) => field(1, field(2, field(2, span)));
const attribute = (value) => field(9, Buffer.concat([field(1, Buffer.from('k')), field(2, value)]));
const nested = (depth) => { let value = field(1, Buffer.from('end')); for (let i = 0; i < depth; i++) value = field(i % 2 ? 5 : 6, i % 2 ? field(1, value) : field(1, Buffer.concat([field(1, Buffer.from('k')), field(2, value)]))); return value; };
const wrong = {
  'deep nesting': () => otlp(Buffer.concat([otlpSpan(), attribute(nested(5000))])),
  'a length beyond the end': () => Buffer.concat([varint(10), varint(1 << 30), Buffer.from('x')]),
  'a length of 2^63': () => Buffer.concat([varint(10), varint(2n ** 63n), Buffer.from('x')]),
  'a length inside that is longer than what holds it': () => field(1, field(2, field(2, otlpSpan(), 100000))),
  'a varint without an end': () => Buffer.alloc(50, 0xff),
  'another wire type for a span': () => field(1, field(2, Buffer.concat([varint((2 << 3) | 0), varint(5)]))),
  'a group that nobody closes': () => field(1, Buffer.alloc(1000, (2 << 3) | 3)),
  'field number zero': () => Buffer.concat([varint(2), varint(0)]),
  'a text that is no UTF-8': () => otlp(Buffer.concat([otlpSpan(), field(5, Buffer.from([0xff, 0xfe, 0xc0]))])),
  'an id of a wrong length': () => otlp(Buffer.concat([otlpSpan(), field(1, Buffer.from('abc'))])),
  'a million empty parts': () => Buffer.concat(Array(1_000_000).fill(field(1, Buffer.alloc(0)))),
  'nothing': () => Buffer.alloc(0),
  'another language': () => Buffer.from('<xml>'),
};

const message = (text) => ({ message: { role: 'user', content: [{ text }] } });
const trace = () => ({ traceId: '0af7651916cd43dd8448eb211c80319c', displayName: 'n', startTime: 1, endTime: 2, spans: { b7ad6b7169203331: { spanId: 'b7ad6b7169203331', traceId: '0af7651916cd43dd8448eb211c80319c', startTime: 1, endTime: 2,
  attributes: { 'genkit:name': 'n', 'genkit:input': '{}' }, displayName: 'n', links: [{ context: { traceId: 'a', spanId: 'b', traceFlags: 1 } }], instrumentationLibrary: { name: 'x' }, spanKind: 'INTERNAL', status: { code: 0 }, timeEvents: { timeEvent: [{ time: 1, annotation: { attributes: {}, description: 'd' } }] } } } });
const otlpJson = () => ({ resourceSpans: [{ resource: { attributes: [{ key: 'service.name', value: { stringValue: 's' } }] }, scopeSpans: [{ scope: { name: 'x' }, spans: [{ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', name: 'n', kind: 1,
  startTimeUnixNano: '1', endTimeUnixNano: '2', attributes: [{ key: 'k', value: { kvlistValue: { values: [{ key: 'a', value: { arrayValue: { values: [{ intValue: '5' }] } } }] } } }], events: [{ name: 'e', timeUnixNano: '1' }], status: { code: 2, message: 'm' } }] }] }] });
const otlpLogs = () => ({ resourceLogs: [{ scopeLogs: [{ logRecords: [{ timeUnixNano: '1', severityNumber: 9, body: { stringValue: 'b' }, traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', attributes: [] }] }] }] });

describe('hostile bodies', () => {
  let daemon, at, flows, memory;
  const json = 'application/json';
  const send = async (where, path, body, headers = {}, method = 'POST') => {
    const response = await fetch(`http://${where}${path}`, { method, body, headers: { 'content-type': json, ...headers }, signal: AbortSignal.timeout(120000) });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const clear = ({ status, text }, what) => {
    assert.ok(status < 500 || [501, 503].includes(status), `${what}: ${status} ${text.slice(0, 300)}`);
    if (status >= 400) assert.ok(text.length > 2 && text.length < 100000, `${what}: ${status} says '${text.slice(0, 300)}'`);
    assert.ok(!/"status":"INTERNAL"|out of memory|assert/i.test(text), `${what}: ${text.slice(0, 300)}`);
  };
  const serves = async () => {
    const told = await send(flows, '/agents/inn', JSON.stringify({ data: message('Hello?') }), { authorization: 'Bearer one' });
    assert.equal(told.status, 200, told.text);
    const kept = await send(at, '/api/traces', JSON.stringify(trace()));
    assert.equal(kept.status, 200, kept.text);
    const taken = await send(at, '/v1/traces', otlp(), { 'content-type': 'application/x-protobuf' });
    assert.equal(taken.status, 200, taken.text);
    assert.match((await send(at, '/api/traces/0af7651916cd43dd8448eb211c80319c', undefined, {}, 'GET')).text, /"n"/);
  };
  before(async () => {
    daemon = await start({ modules: ['inn'], set: { 'server.durable_streams': 'true', 'server.auth': 'api_key', 'server.api_keys': ['one', 'two'], 'log.level': 'warn' } });
    at = daemon.reflection;
    flows = daemon.flows;
    for (let i = 0; i < 20; i++) await serves();
    memory = daemon.rss();
  });
  after(async () => assert.deepEqual(await daemon.stop(), { code: 0, signal: null }));

  const one = { authorization: 'Bearer one' };
  const kinds = {
    'a turn of an agent': [() => flows, '/agents/inn', () => ({ init: { sessionId: 's1' }, data: { ...message('Which rooms?'), resume: { respond: [] }, detach: false } }), one],
    'a turn of an agent whose client keeps its state': [() => flows, '/agents/inn', () => ({ init: { state: { sessionId: 's', messages: [{ role: 'user', content: [{ text: 'x' }] }], custom: {}, artifacts: [{ name: 'a', parts: [{ text: 'x' }] }] } }, data: message('Hello?') }), one],
    'an answer to a question of an agent': [() => flows, '/agents/inn', () => ({ init: { snapshotId: 'x', sessionId: 's1' }, data: { resume: { restart: [{ toolRequest: { name: 'book', ref: 'r', input: {} }, metadata: { resumed: true } }], respond: [{ toolResponse: { name: 'choose', ref: 'r', output: 'x' } }] } } }), one],
    'a question for a snapshot': [() => flows, '/agents/inn/getSnapshot', () => ({ data: { snapshotId: 'x', sessionId: 's1' } }), one],
    'an abort': [() => flows, '/agents/inn/abort', () => ({ data: { snapshotId: 'x' } }), one],
    'a call of an agent': [() => at, '/api/runAction', () => ({ key: '/agent/inn', init: { sessionId: 's2' }, input: message('Hello?'), context: { auth: { uid: 'u' } }, telemetryLabels: { a: 'b' } })],
    'a list of sessions': [() => at, '/api/sessions/list', () => ({ store: 'inn', owner: 'o', limit: 10, token: 'x' })],
    'a session': [() => at, '/api/sessions/show', () => ({ sessionId: 's1', store: 'inn', state: true })],
    'the end of sessions': [() => at, '/api/sessions/delete', () => ({ sessionId: 'nobody', store: 'none' })],
    'a trace': [() => at, '/api/traces', trace],
    'OTLP as JSON': [() => at, '/api/otlp', otlpJson],
    'OTLP as JSON where collectors take it': [() => at, '/v1/traces', otlpJson],
    'log records': [() => at, '/v1/logs', otlpLogs],
    'metrics': [() => at, '/v1/metrics', () => ({ resourceMetrics: [{ scopeMetrics: [] }] })],
    'feedback': [() => flows, '/api/feedback', () => ({ name: 'inn', traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', feedback: { value: 'positive', text: 't' }, acceptance: { value: 'accepted' } }), one],
  };
  for (const [name, [where, path, make, headers]] of Object.entries(kinds))
    it(`${rounds} times nearly ${name}`, async () => {
      clear(await send(where(), path, JSON.stringify(make()), headers), 'as it should be');
      for (let i = 0; i < rounds; i += 10)
        await Promise.all(Array.from({ length: 10 }, async () => {
          const body = bytesOf(bend(make()));
          const how = random(12);
          const more = how === 0 ? { accept: 'text/event-stream' } : how === 1 ? { 'content-type': pick(['text/plain', 'application/x-protobuf', 'x', 'application/json; charset=utf-16']) } : {};
          const answer = await send(where(), path, body, { ...headers, ...more });
          clear(answer, `${body.subarray(0, 400).toString('latin1')} ${JSON.stringify(more)}`);
        }));
      await serves();
    });
  for (const [name, make] of Object.entries(wrong))
    it(`protobuf with ${name}`, async () => {
      for (const path of ['/api/otlp', '/v1/traces', '/v1/logs', '/v1/metrics'])
        clear(await send(at, path, make(), { 'content-type': 'application/x-protobuf' }), `${name} ${path}`);
    });
  it(`${rounds} times nearly protobuf`, async () => {
    for (let i = 0; i < rounds; i++) {
      const bytes = Buffer.from(otlp(Buffer.concat([otlpSpan(), attribute(nested(random(60)))])));
      for (let n = random(4); n >= 0; n--) bytes[random(bytes.length)] = random(256);
      clear(await send(at, pick(['/api/otlp', '/v1/logs']), random(3) ? bytes : bytes.subarray(0, random(bytes.length)), { 'content-type': 'application/x-protobuf' }), bytes.toString('hex'));
    }
    await serves();
  });
  it('JSON that is deeper than OTLP may be', async () => {
    const values = (depth) => { let value = { stringValue: 'x' }; for (let i = 0; i < depth; i++) value = { arrayValue: { values: [value] } }; return value; };
    for (const depth of [30, 60, 90, 200, 1000]) {
      const body = otlpJson();
      body.resourceSpans[0].scopeSpans[0].spans[0].attributes = [{ key: 'k', value: values(depth) }];
      const answer = await send(at, '/api/otlp', JSON.stringify(body));
      clear(answer, `${depth} deep`);
      assert.equal(answer.status < 300, depth === 30, `${depth} deep: ${answer.status} ${answer.text}`);
    }
  });
  it('what is compressed to next to nothing, or is no archive', async () => {
    const bomb = gzipSync(Buffer.alloc(120 << 20, 32));
    for (const path of ['/api/traces', '/api/otlp', '/v1/traces']) {
      for (const type of [json, 'application/x-protobuf']) {
        assert.equal((await send(at, path, bomb, { 'content-type': type, 'content-encoding': 'gzip' })).status, 413, path);
        const half = gzipSync(JSON.stringify(trace())).subarray(0, 60);
        assert.equal((await send(at, path, half, { 'content-type': type, 'content-encoding': 'gzip' })).status, 400, path);
        assert.equal((await send(at, path, Buffer.concat([gzipSync('{}'), Buffer.from('more')]), { 'content-type': type, 'content-encoding': 'gzip' })).status < 500, true);
      }
      // Whatever it may unfold to, no more than so much is taken of it.
      assert.equal((await send(at, path, Buffer.alloc((20 << 20) + 1, 1), { 'content-encoding': 'gzip' })).status, 413, path);
    }
    await serves();
  });
  it('questions that make no sense', async () => {
    const values = () => encodeURIComponent(String(JSON.stringify(odd())));
    for (let i = 0; i < rounds; i++) {
      const names = ['limit', 'continuationToken', 'filter', 'search', 'traceId', 'level', 'since', 'until', 'order', 'x'];
      const query = Array.from({ length: 1 + random(3) }, () => `${pick(names)}=${random(2) ? values() : encodeURIComponent(JSON.stringify(bend({ eq: { type: 'flow' }, gte: { duration: 5 } })))}`).join('&');
      clear(await send(at, `${pick(['/api/traces', '/api/logs', '/api/traces/x', `/api/traces/${values().slice(0, 300)}`, '/api/store'])}?${query}`, undefined, {}, 'GET'), query);
    }
  });
  it('streams that are not there, or are another\'s', async () => {
    const ask = (key, headers, body = { init: { sessionId: `d${random(1000)}` }, data: message('prepare 3') }) => send(flows, '/agents/inn', JSON.stringify(body), { authorization: `Bearer ${key}`, accept: 'text/event-stream', ...headers });
    const first = await ask('one', {});
    const id = first.headers.get('x-genkit-stream-id');
    assert.ok(id && /ready/.test(first.text), first.text);
    assert.equal((await ask('one', { 'x-genkit-stream-id': id })).text, first.text);
    const stolen = await ask('two', { 'x-genkit-stream-id': id });
    assert.equal(stolen.status, 204, stolen.text);
    for (let i = 0; i < rounds; i++) {
      const bad = pick([id.slice(1), `${id}x`, id.toUpperCase() + '1', '../x', '%00', 'x'.repeat(5000), '0', ' ', '"', "' OR 1=1", id.replace(/./, 'z')]);
      const answer = await ask('one', { 'x-genkit-stream-id': bad });
      clear(answer, bad);
      assert.ok(!/ready/.test(answer.text) || bad.trim() === '', `${bad}: ${answer.text}`);
    }
  });
  it('files that genkitctl is to import', async () => {
    const where = join(daemon.cwd, 'broken.jsonl');
    const ctl = (...words) => run(genkitctl, ['--url', `http://${at}`, ...words]);
    for (let i = 0; i < 20; i++) {
      writeFileSync(where, Buffer.concat(Array.from({ length: 1 + random(4) }, () => Buffer.concat([bytesOf(bend(trace())), Buffer.from('\n')]))));
      const { code, signal, stderr } = await ctl('traces', 'import', where);
      assert.equal(signal, null, stderr);
      assert.ok(code === 0 || (code === 1 && stderr.length > 10), `${code} ${stderr}`);
    }
    for (const bytes of [Buffer.alloc(0), Buffer.from('\0\0\0'), Buffer.from('['.repeat(100000)), gzipSync('{}')]) {
      writeFileSync(where, bytes);
      const { code, signal, stderr } = await ctl('traces', 'import', where);
      assert.equal(signal, null);
      assert.ok(bytes.length === 0 ? code === 0 : code === 1, `${code} ${stderr}`);
    }
    for (const path of ['/nowhere', daemon.cwd]) assert.equal((await ctl('traces', 'import', path)).signal, null);
  });
  it('leave the daemon as it was', async () => {
    await serves();
    if (!process.env.BUILD?.includes('sanitize'))
      await until(() => daemon.rss() < memory + 96, `memory back from ${daemon.rss()} MB to about ${memory} MB`);
    assert.ok(!/ERROR: AddressSanitizer|runtime error/.test(daemon.stderr()), daemon.stderr());
  });
});
