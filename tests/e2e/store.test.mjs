// What is stored of a daemon's runs: over HTTP, by genkitctl, over restarts, with a key, and by the Genkit SDK's rules.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { genkitctl, genkitd, project, run, start, until } from './lib/daemon.mjs';

const json = (at, path, init) => fetch(`http://${at}${path}`, init).then((response) => response.json());
const post = (at, path, value, headers = {}) =>
  fetch(`http://${at}${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: typeof value === 'string' || value instanceof Uint8Array ? value : JSON.stringify(value) });
const runFlow = (at, name, input) => post(at, '/api/runAction', { key: `/flow/${name}`, input }).then((response) => response.json());

describe('a store that may not grow', () => {
  it('beyond the largest file of the process its flows are still answered, and the log says it', async () => {
    const cwd = project({ limited: `#!/bin/sh\nulimit -f 2048\nexec ${genkitd} "$@"\n` }); // a megabyte
    chmodSync(join(cwd, 'limited'), 0o755);
    const daemon = await start({ cwd, program: join(cwd, 'limited'), modules: ['demo'] });
    for (let i = 0; i < 60; i++) {
      const { result } = await runFlow(daemon.reflection, 'hello', { name: `${i}`.padEnd(60000, 'x') });
      assert.ok(result.startsWith(`Hello, ${i}x`));
    }
    await until(() => /store: .*(full|large)/i.test(daemon.stderr()), 'it is said');
    assert.deepEqual(await daemon.stop(), { code: 0, signal: null });
  });
});

describe('the store of a daemon', () => {
  let daemon;
  before(async () => { daemon = await start({ modules: ['demo'] }); });
  after(() => daemon.stop());

  it('has the whole trace of a run when its answer is there', async () => {
    const { telemetry } = await runFlow(daemon.reflection, 'steps', { text: 'one two three' });
    const trace = await json(daemon.reflection, `/api/traces/${telemetry.traceId}`);
    const spans = Object.values(trace.spans);
    assert.equal(trace.displayName, 'steps');
    assert.equal(spans.length, 3);
    assert.ok(spans.every((span) => span.endTime > 0 && span.traceId === telemetry.traceId));
    assert.equal(spans.find((span) => !span.parentSpanId).attributes['genkit:state'], 'success');
  });

  it('lists, filters and searches it', async () => {
    await runFlow(daemon.reflection, 'steps', { text: 'a needle in it' });
    await runFlow(daemon.reflection, 'fail', {});
    const filter = encodeURIComponent(JSON.stringify({ eq: { type: ['flow'], status: [2] } }));
    const failed = await json(daemon.reflection, `/api/traces?filter=${filter}`);
    assert.deepEqual(failed.traces.map((trace) => trace.displayName), ['fail']);
    const found = await json(daemon.reflection, '/api/traces?q=needle');
    assert.deepEqual(found.traces.map((trace) => trace.displayName), ['steps']);
  });

  it('gives pages of ten traces and of a hundred log records, and of a thousand at most', async () => {
    const other = await start({ modules: ['demo'] });
    for (let i = 0; i < 1010; i += 101)
      await Promise.all(Array.from({ length: 101 }, (_, n) => runFlow(other.reflection, 'steps', { text: `${i + n}` })));
    for (const [path, list, usual] of [['/api/traces', 'traces', 10], ['/api/logs', 'logs', 100]]) {
      assert.equal((await json(other.reflection, path))[list].length, usual);
      const most = await json(other.reflection, `${path}?limit=100000`);
      assert.equal(most[list].length, 1000);
      const rest = await json(other.reflection, `${path}?limit=100000&continuationToken=${most.continuationToken}`);
      assert.ok(rest[list].length >= 10 && rest[list].length < 100, `${path}: ${rest[list].length}`);
    }
    await other.stop();
  });

  it('shows a run that goes on, and its end, to who watches', async () => {
    const controller = new AbortController();
    const slow = post(daemon.reflection, '/api/runAction', { key: '/flow/slow', input: { seconds: 0.3 } });
    const running = await until(async () => (await json(daemon.reflection, '/api/traces?limit=1')).traces.find((trace) => trace.displayName === 'slow' && !trace.endTime), 'the run is listed');
    const stream = await fetch(`http://${daemon.reflection}/api/traces/${running.traceId}/stream`, { signal: controller.signal });
    let text = '';
    for await (const chunk of stream.body) {
      text += Buffer.from(chunk).toString();
      if (text.includes('"span_end"')) break;
    }
    await slow;
    const frames = text.split('\n\n').filter(Boolean).map((frame) => JSON.parse(frame.slice(6)));
    assert.equal(frames[0].traceId, running.traceId);
    assert.ok(Object.values(frames[0].spans).every((span) => span.endTime === 0));
    assert.ok(frames.at(-1).span.endTime > 0);
  });

  it('lets go of a watcher that does not read', async () => {
    const [host, port] = daemon.reflection.split(':');
    const socket = connect(Number(port), host);
    let bytes = 0;
    socket.write(`GET /api/traces/large/stream HTTP/1.1\r\nHost: ${daemon.reflection}\r\n\r\n`);
    await new Promise((done) => socket.once('data', done));
    socket.pause();
    const attributes = { text: 'x'.repeat(1 << 20) };
    for (let i = 0; i < 16; i++) {
      const span = { spanId: `s${i}`, traceId: 'large', startTime: 1, endTime: 2, attributes, displayName: 'n', instrumentationLibrary: { name: 'x' }, spanKind: 'INTERNAL' };
      assert.equal((await post(daemon.reflection, '/api/traces', { traceId: 'large', spans: { [span.spanId]: span } })).status, 200);
    }
    const closed = new Promise((done) => socket.once('end', done));
    socket.on('data', (data) => { bytes += data.length; });
    socket.resume();
    await closed; /* a stream has no end of its own */
    assert.ok(bytes > 4 << 20 && bytes < 32 << 20, String(bytes));
    socket.destroy();
  });

  it('takes traces of other programs, compressed as well, and refuses what is too much', async () => {
    const span = { spanId: 's', traceId: 'zipped', startTime: 1, endTime: 2, attributes: {}, displayName: 'n', instrumentationLibrary: { name: 'x' }, spanKind: 'INTERNAL' };
    const trace = { traceId: 'zipped', spans: { s: span } };
    const zipped = await post(daemon.reflection, '/api/traces', gzipSync(JSON.stringify(trace)), { 'Content-Encoding': 'gzip' });
    assert.equal(zipped.status, 200);
    assert.equal((await json(daemon.reflection, '/api/traces/zipped')).spans.s.displayName, 'n');
    assert.equal((await post(daemon.reflection, '/api/traces', Buffer.from('nonsense'), { 'Content-Encoding': 'gzip' })).status, 400);
    assert.equal((await post(daemon.reflection, '/api/traces', trace, { 'Content-Encoding': 'br' })).status, 415);
    const compressed = (size) => post(daemon.reflection, '/api/traces', Buffer.alloc(size, 32), { 'Content-Encoding': 'gzip' });
    assert.equal((await compressed(20 << 20)).status, 400); /* it is looked at, and is no archive */
    assert.equal((await compressed((20 << 20) + 1)).status, 413);
    const bomb = gzipSync(Buffer.alloc(101 << 20, 32));
    assert.equal((await post(daemon.reflection, '/api/traces', bomb, { 'Content-Encoding': 'gzip' })).status, 413);
    assert.equal((await post(daemon.reflection, '/api/traces', Buffer.alloc(31 << 20, 32))).status, 413);
  });

  it('is looked after by genkitctl', async () => {
    const ctl = (...words) => run(genkitctl, ['--url', `http://${daemon.reflection}`, 'db', ...words]);
    assert.equal((await ctl('check')).stdout, 'ok\n');
    const stats = JSON.parse((await ctl('stats', '--json')).stdout);
    assert.ok(stats.traces > 0 && stats.spans >= stats.traces && stats.bytes > 0);
    const copy = join(project(), 'copy.db');
    assert.equal((await ctl('backup', copy)).code, 0);
    assert.ok(existsSync(copy));
    assert.equal((await ctl('backup', copy)).code, 1);
    assert.match((await ctl('vacuum')).stdout, /^before +\d+\nafter +\d+\n$/);
    assert.equal((await ctl('burn')).code, 1);
  });
});

describe('the file of a store without a daemon', () => {
  it('is looked after by genkitctl', async () => {
    const daemon = await start({ modules: ['demo'] });
    await runFlow(daemon.reflection, 'hello', { name: 'Ada' });
    const stats = () => json(daemon.reflection, '/api/store');
    const { path, traces } = await stats();
    await daemon.stop();
    const db = (file, ...words) => run(genkitctl, ['db', '--file', file, ...words]);
    assert.equal((await db(path, 'check')).stdout, 'ok\n');
    const offline = JSON.parse((await db(path, 'stats', '--json')).stdout);
    assert.equal(offline.traces, traces);
    const copy = join(project(), 'copy.db');
    assert.equal((await db(path, 'backup', copy)).code, 0);
    assert.match((await db(path, 'vacuum')).stdout, /^before +\d+\nafter +\d+\n$/);
    assert.equal(JSON.parse((await db(copy, 'stats', '--json')).stdout).traces, traces);
    const missing = await db('/nonexistent/traces.db', 'check');
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /No such file/);
    const bytes = readFileSync(copy);
    bytes.writeUInt32BE(99, 60);
    writeFileSync(copy, bytes);
    const newer = await db(copy, 'stats');
    assert.equal(newer.code, 1);
    assert.match(newer.stderr, /newer version/);
    assert.deepEqual(readFileSync(copy), bytes);
  });
});

describe('feedback', () => {
  const children = (trace) => Object.values(trace.spans).filter((span) => span.attributes['genkit:type'] === 'userEngagement');
  const run = async (daemon) => {
    const answer = await post(daemon.flows, '/hello', { data: { name: 'Ada' } });
    return { name: 'hello', traceId: answer.headers.get('x-genkit-trace-id'), spanId: answer.headers.get('x-genkit-span-id') };
  };

  it('becomes part of the trace, of callers and of the tools alike, and is counted', async () => {
    const daemon = await start({ modules: ['demo'], dev: true });
    const ids = await run(daemon);
    assert.equal((await post(daemon.flows, '/api/feedback', { ...ids, feedback: { value: 'positive', text: 'nice' } })).status, 200);
    assert.equal((await post(daemon.reflection, '/api/feedback', { ...ids, acceptance: { value: 'accepted' } })).status, 200);
    const spans = children(await json(daemon.reflection, `/api/traces/${ids.traceId}`));
    assert.deepEqual(spans.map((span) => [span.displayName, span.parentSpanId, span.attributes['genkit:path']]).sort(), [
      ['user-acceptance', ids.spanId, '/{hello}'], ['user-feedback', ids.spanId, '/{hello}']]);
    assert.ok(spans.some((span) => span.attributes['genkit:metadata:textFeedback'] === 'nice'));
    const page = await (await fetch(`http://${daemon.flows}/metrics`)).text();
    assert.match(page, /^genkitd_engagement_total\{feature="hello",kind="feedback",value="positive"\} 1$/m);
    assert.match(page, /^genkitd_spans_ingested_total [1-9]/m);
    assert.match(page, /^genkitd_store_bytes [1-9]/m);
    assert.match(page, /^genkitd_store_queue_spans 0$/m);
    assert.match(page, /^genkitd_spans_dropped_total\{dest="store",reason="queue_full"\} 0$/m);
    await daemon.stop();
  });

  it('on what is not there, or makes no sense, is refused', async () => {
    const daemon = await start({ modules: ['demo'], dev: true });
    const ids = await run(daemon);
    const missing = await post(daemon.flows, '/api/feedback', { ...ids, traceId: 'f'.repeat(32), feedback: { value: 'positive' } });
    assert.equal(missing.status, 404);
    assert.equal((await missing.json()).message, `there is no trace ${'f'.repeat(32)}`);
    for (const [body, message] of [
      [{ ...ids }, 'there is neither feedback nor acceptance'],
      [{ ...ids, feedback: { value: 'so-so' } }, 'feedback is either positive or negative'],
      [{ ...ids, feedback: { value: true } }, 'value: expected string'],
      [{ ...ids, spanId: 'x', feedback: { value: 'positive' } }, "'traceId' and 'spanId' must be those of a run"],
      ['{', 'unexpected end of input at line 1, column 2'],
    ]) {
      const refused = await post(daemon.flows, '/api/feedback', body);
      assert.equal(refused.status, 400);
      assert.equal((await refused.json()).message, message);
    }
    await daemon.stop();
  });

  it('is for who may call flows', async () => {
    const daemon = await start({ modules: ['demo'], set: { 'server.auth': 'api_key', 'server.api_keys': ['caller'], 'server.admin_keys': ['admin'] } });
    const answer = await post(daemon.flows, '/hello', { data: { name: 'Ada' } }, { Authorization: 'caller' });
    const body = { name: 'hello', traceId: answer.headers.get('x-genkit-trace-id'), spanId: answer.headers.get('x-genkit-span-id'), feedback: { value: 'negative' } };
    assert.equal((await post(daemon.flows, '/api/feedback', body)).status, 401);
    assert.equal((await post(daemon.flows, '/api/feedback', body, { Authorization: 'caller' })).status, 200);
    await daemon.stop();
  });
});

describe('a store over restarts', () => {
  it('keeps what was there, and ends what its process left running', async () => {
    const cwd = project();
    const first = await start({ modules: ['demo'], cwd });
    const { telemetry } = await runFlow(first.reflection, 'hello', { name: 'Ada' });
    const slow = post(first.reflection, '/api/runAction', { key: '/flow/slow', input: { seconds: 30 } }).catch(() => {});
    const running = await until(async () => (await json(first.reflection, '/api/traces?limit=1')).traces.find((trace) => trace.displayName === 'slow'), 'the run is listed');
    first.child.kill('SIGKILL');
    await Promise.all([first.exited, slow]);
    const second = await start({ modules: ['demo'], cwd });
    assert.equal((await json(second.reflection, `/api/traces/${telemetry.traceId}`)).displayName, 'hello');
    const [span] = Object.values((await json(second.reflection, `/api/traces/${running.traceId}`)).spans);
    assert.ok(span.endTime > 0);
    assert.deepEqual(span.status, { code: 2, message: 'process terminated' });
    assert.equal(span.attributes['genkitd:aborted'], true);
    await second.stop();
  });

  it('is not touched by a program that is too old for it', async () => {
    const cwd = project();
    const first = await start({ modules: ['demo'], cwd });
    await first.stop();
    const { writeFileSync, readFileSync } = await import('node:fs');
    const file = join(cwd, '.genkit/genkitd.db');
    const bytes = readFileSync(file);
    bytes.writeUInt32BE(99, 60);
    writeFileSync(file, bytes);
    await assert.rejects(start({ modules: ['demo'], cwd }), /newer version of genkitd/);
    assert.deepEqual(readFileSync(file), bytes);
  });
});

describe('traces on the flow server', () => {
  it('are for who has the key, and else not there', async () => {
    const closed = await start({ modules: ['demo'] });
    assert.equal((await fetch(`http://${closed.flows}/api/traces`)).status, 404);
    await closed.stop();
    const open = await start({ modules: ['demo'], set: { 'server.admin_keys': ['sesame'] } });
    assert.equal((await fetch(`http://${open.flows}/api/traces`)).status, 401);
    assert.equal((await fetch(`http://${open.flows}/api/traces`, { headers: { Authorization: 'Bearer wrong' } })).status, 403);
    const headers = { Authorization: 'Bearer sesame' };
    await post(open.flows, '/hello', { data: { name: 'Ada' } });
    const { traces } = await json(open.flows, '/api/traces', { headers });
    assert.equal(traces[0].displayName, 'hello');
    assert.deepEqual(await json(open.flows, `/api/traces/${traces[0].traceId}`, { method: 'DELETE', headers }), { deleted: 1 });
    assert.equal(await (await fetch(`http://${open.flows}/api/traces/${traces[0].traceId}`, { headers })).text(), '');
    await open.stop();
  });

  it('are shown by genkitctl with the key', async () => {
    const daemon = await start({ modules: ['demo'], dev: false, set: { 'server.admin_keys': ['sesame'] } });
    await post(daemon.flows, '/hello', { data: { name: 'Ada' } });
    const ctl = (key, ...words) => run(genkitctl, ['--url', `http://${daemon.flows}`, ...words], { env: { GENKITD_KEY: key } });
    assert.match((await ctl('sesame', 'traces')).stdout, /\/flow\/hello/);
    assert.match((await ctl('sesame', 'trace')).stdout, /✓ hello  flow/);
    const refused = await ctl('barley', 'traces');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /Permission Denied/);
    assert.ok(!refused.stderr.includes('barley'));
    await daemon.stop();
  });

  it('are not stored when nobody wants them', async () => {
    const cwd = project();
    const daemon = await start({ modules: ['demo'], cwd, set: { 'trace.enabled': 'false' } });
    assert.equal((await runFlow(daemon.reflection, 'hello', { name: 'Ada' })).result !== undefined, true);
    assert.equal((await fetch(`http://${daemon.reflection}/api/traces`)).status, 404);
    await daemon.stop();
    const { stdout } = await run(genkitctl, ['db', '--file', join(cwd, '.genkit/genkitd.db'), 'stats', '--json']);
    assert.equal(JSON.parse(stdout).spans, 0); /* the file is there for sessions */
  });
});
