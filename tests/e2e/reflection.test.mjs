// What the transcripts cannot say: timing, framing, ids, cancellation, who may call.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { slack, start, until } from './lib/daemon.mjs';
import { address, exchange, parse, post, request } from './lib/raw.mjs';

/** Opens a streaming run and gives {traceId, text(), closed, socket} as soon as the headers are here. */
async function openRun(where, path, value, headers = {}) {
  const body = JSON.stringify(value);
  const socket = connect(address(where));
  let text = '';
  socket.setEncoding('latin1').on('data', (data) => (text += data)).on('error', () => {});
  const closed = new Promise((done) => socket.on('close', done));
  const lines = Object.entries({ Host: where, 'Content-Type': 'application/json', 'Content-Length': body.length, ...headers });
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n${body}`);
  const t0 = performance.now();
  await until(() => text.includes('\r\n\r\n'), 'headers');
  return { traceId: /X-Genkit-Trace-Id: ([0-9a-f]+)/i.exec(text)?.[1], text: () => text, closed, socket, headersAfter: performance.now() - t0 };
}

describe('reflection v1', () => {
  let daemon, at;
  before(async () => {
    daemon = await start();
    at = daemon.reflection;
  });
  after(() => daemon.stop());

  it('accepts the id of its runtime file, and no other', async () => {
    const folder = join(daemon.cwd, '.genkit/runtimes');
    const { id } = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]), 'utf8'));
    assert.equal((await request(at, 'GET', `/api/__health?id=${id}`)).status, 200);
    assert.equal((await request(at, 'GET', `/api/__health?id=${id}x`)).status, 503);
  });
  it('takes its id from GENKIT_RUNTIME_ID', async () => {
    const other = await start({ env: { GENKIT_RUNTIME_ID: 'my-id' } });
    const folder = join(other.cwd, '.genkit/runtimes');
    assert.equal(JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]), 'utf8')).id, 'my-id');
    assert.equal((await request(other.reflection, 'GET', '/api/__health?id=my-id')).status, 200);
    await other.stop();
  });
  it('sends the headers of a long run at once', async () => {
    const run = await openRun(at, '/api/runAction', { key: '/flow/slow', input: 60000 });
    assert.ok(run.headersAfter < 500, `${run.headersAfter} ms`);
    assert.match(run.traceId, /^[0-9a-f]{32}$/);
    assert.equal((await post(at, '/api/cancelAction', { traceId: run.traceId })).status, 200);
    assert.equal((await post(at, '/api/cancelAction', { traceId: run.traceId })).status, 404);
    await until(() => parse(run.text()), 'the end');
    const { error } = JSON.parse(parse(run.text()).body);
    assert.equal(error.code, 1);
    assert.equal(error.message, 'Action was cancelled');
    assert.equal(error.details.traceId, run.traceId);
    run.socket.destroy();
  });
  it('ends a stream with an object without newline, also when it is cancelled', async () => {
    const run = await openRun(at, '/api/runAction?stream=true', { key: '/flow/slow', input: 60000 });
    await until(() => run.text().includes('"start"\n'), 'the chunk');
    await post(at, '/api/cancelAction', { traceId: run.traceId });
    const { body } = await until(() => parse(run.text()), 'the end');
    assert.ok(!body.endsWith('\n'));
    assert.equal(JSON.parse(body.split('\n')[1]).error.code, 1);
    run.socket.destroy();
  });
  it('lets an action finish that does not look whether it was cancelled', async () => {
    const run = await openRun(at, '/api/runAction', { key: '/flow/stubborn' });
    await post(at, '/api/cancelAction', { traceId: run.traceId });
    const { body } = await until(() => parse(run.text()), 'the end');
    assert.equal(JSON.parse(body).result, 'finished anyway');
    run.socket.destroy();
  });
  it('cancels the run within 50 ms when its client hangs up', async () => {
    const times = [];
    const limit = 50 + 25 * slack; // for asking
    // The machine may be busy with something else for a while.
    for (let i = 0; i < 10 && !times.some((ms) => ms < limit); i++) {
      const run = await openRun(at, '/api/runAction?stream=true', { key: '/flow/slow', input: 60000 });
      run.socket.destroy();
      const t0 = performance.now();
      await until(async () => (await post(at, '/api/cancelAction', { traceId: run.traceId })).status === 404, 'the run is gone');
      times.push(performance.now() - t0);
    }
    assert.ok(Math.min(...times) < limit, `${times} ms`);
  });
  it('takes an absent input of an optional schema', async () => {
    const run = await openRun(at, '/api/runAction?stream=true', { key: '/flow/slow' });
    await until(() => run.text().includes('"start"\n'), 'the chunk');
    run.socket.destroy();
  });
  it('lists what a dynamic provider offers, and runs it', async () => {
    const { result } = JSON.parse((await post(at, '/api/runAction', { key: '/dynamic-action-provider/dap' })).body);
    assert.equal(result[0].key, '/dynamic-action-provider/dap:tool/dyn');
    const actions = JSON.parse((await request(at, 'GET', '/api/actions')).body);
    assert.deepEqual(actions['/dynamic-action-provider/dap:tool/dyn'].metadata, { type: 'tool', dynamic: true });
  });
  it('never lists a null', async () => {
    const text = (await request(at, 'GET', '/api/actions')).body;
    assert.ok(!/:null/.test(text));
  });
  it('writes ASCII only', async () => {
    const { body } = await post(at, '/api/runAction', { key: '/flow/greet', input: { name: 'Zoë 🦊' } });
    assert.match(body, /^[\x20-\x7e]*$/);
    assert.equal(JSON.parse(body).result.message, 'hello Zoë 🦊');
  });
  it('refuses a body above 30 MiB without keeping it', async () => {
    const before = daemon.rss();
    const big = JSON.stringify({ key: '/flow/greet', input: { name: 'x'.repeat(31 << 20) } });
    const bytes = `POST /api/runAction HTTP/1.1\r\nHost: ${at}\r\nContent-Length: ${big.length}\r\n\r\n`;
    const answer = parse(await exchange(at, bytes + big, { enough: (t) => parse(t) }));
    assert.equal(answer.status, 200);
    assert.equal(JSON.parse(answer.body).error.message, 'request entity too large');
    assert.ok(daemon.rss() - before < 12, `grew by ${daemon.rss() - before} MB`);
  });
  it('reads a body of megabytes in a worker', async () => {
    const name = 'y'.repeat(4 << 20);
    const { body } = await post(at, '/api/runAction', { key: '/flow/greet', input: { name } });
    assert.equal(JSON.parse(body).result.message.length, name.length + 6);
  });
  it('is not for web pages: a foreign Host or Origin is refused', async () => {
    assert.equal((await request(at, 'GET', '/api/actions', { headers: { Host: 'evil.example' } })).status, 403);
    assert.equal((await request(at, 'GET', '/api/actions', { headers: { Origin: 'http://evil.example' } })).status, 403);
    assert.equal((await request(at, 'GET', '/api/actions', { headers: { Host: 'localhost:9', Origin: 'http://localhost:4000' } })).status, 200);
  });
  it('answers five pipelined requests in order', async () => {
    const one = `GET /api/__health HTTP/1.1\r\nHost: ${at}\r\n\r\n`;
    const text = await exchange(at, one.repeat(5), { enough: (t) => t.split('HTTP/1.1 200').length === 6 && t.endsWith('OK') });
    assert.equal(text.split('HTTP/1.1 200').length, 6);
  });
});
