// Genkit's own JavaScript client against the flow server.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { slack, start } from './lib/daemon.mjs';
import { missing } from './lib/clients.mjs';

describe('genkit/beta/client', { skip: missing }, () => {
  let daemon, client, secured;
  before(async () => {
    daemon = await start({ set: { 'server.durable_streams': 'true' } });
    secured = await start({ set: { 'server.auth': 'api_key', 'server.api_keys': ['secret'] } });
    client = await import('genkit/beta/client');
  });
  after(() => Promise.all([daemon.stop(), secured.stop()]));
  const url = (name) => `http://${daemon.flows}/${name}`;

  it('runFlow gives the result', async () => {
    assert.deepEqual(await client.runFlow({ url: url('greet'), input: { name: 'Ann' } }), { message: 'hello Ann' });
  });
  it('runFlow throws what went wrong', async () => {
    await assert.rejects(client.runFlow({ url: url('throwyStatus') }), /404: \{"details":\{"widget":7\},"status":"NOT_FOUND"/);
  });
  it('runFlow sends its headers', async () => {
    const where = { url: `http://${secured.flows}/secure` };
    assert.deepEqual(await client.runFlow({ ...where, headers: { Authorization: 'secret' } }), { context: { auth: { apiKey: 'secret' } } });
    await assert.rejects(client.runFlow({ ...where, headers: { Authorization: 'nope' } }), /403/);
    await assert.rejects(client.runFlow(where), /401/);
  });
  it('streamFlow gives chunks and then the output', async () => {
    const { stream, output } = client.streamFlow({ url: url('streamy'), input: 3 });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    assert.deepEqual(chunks, [{ count: 0 }, { count: 1 }, { count: 2 }]);
    assert.equal(await output, 'done 3, streamed: 3 times');
  });
  it('streamFlow ends for a flow without a result', async () => {
    const { stream, output } = client.streamFlow({ url: url('voidFlow') });
    for await (const chunk of stream) assert.fail(`a chunk: ${chunk}`);
    assert.equal(await output, null);
  });
  it('streamFlow throws the error frame', async () => {
    const { stream, output } = client.streamFlow({ url: url('throwyStatus') });
    output.catch(() => {});
    await assert.rejects(async () => { for await (const _ of stream); }, /NOT_FOUND: no such widget/);
  });
  it('streamFlow carries text outside ASCII unharmed', async () => {
    const name = 'Zoë 🦊 — 日本';
    assert.deepEqual(await client.runFlow({ url: url('greet'), input: { name } }), { message: `hello ${name}` });
  });
  it('abort hangs up, and the run is cancelled', async () => {
    const { request } = await import('./lib/raw.mjs');
    const abort = new AbortController();
    const plain = await start();
    const { stream, output } = client.streamFlow({ url: `http://${plain.flows}/slow`, input: 60000, abortSignal: abort.signal });
    output.catch(() => {});
    const chunks = stream[Symbol.asyncIterator]();
    assert.equal((await chunks.next()).value, 'start');
    abort.abort();
    await assert.rejects(async () => { for (;;) if ((await chunks.next()).done) throw new Error('done'); });
    assert.equal((await request(plain.flows, 'GET', '/healthz')).status, 200);
    const t0 = performance.now();
    assert.deepEqual(await plain.stop(), { code: 0, signal: null });
    assert.ok(performance.now() - t0 < 2000 * slack, 'nothing was left to drain'); // the run would have slept a minute
  });
  it('a durable stream is resumed by its id', async () => {
    const first = await fetch(url('streamy'), { method: 'POST', headers: { Accept: 'text/event-stream' }, body: '{"data":20}' });
    const streamId = first.headers.get('x-genkit-stream-id');
    const reader = first.body.getReader();
    await reader.read();
    await reader.cancel(); // hangs up in the middle
    const { stream, output } = client.streamFlow({ url: url('streamy'), streamId, headers: { 'x-genkit-stream-id': streamId } });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    assert.deepEqual(chunks, Array.from({ length: 20 }, (_, count) => ({ count })));
    assert.equal(await output, 'done 20, streamed: 20 times');
  });
});
