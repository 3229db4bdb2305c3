// Limits that are times, and long ones: each is waited for, all at once.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, it } from 'node:test';
import { collector } from './lib/collector.mjs';
import { slack, start, until } from './lib/daemon.mjs';

const hello = (daemon) => fetch(`http://${daemon.reflection}/api/runAction`, { method: 'POST', body: JSON.stringify({ key: '/flow/hello', input: { name: 'Ada' } }) });

/** Seconds that it took. */
async function took(fn) {
  const begin = performance.now();
  await fn();
  return (performance.now() - begin) / 1000;
}

describe('what takes its time', { concurrency: true }, () => {
  it('a stream of a trace without an event says that it is there, every fifteen seconds', async () => {
    const daemon = await start({ modules: ['demo'] });
    const { telemetry } = await (await hello(daemon)).json();
    let text = '';
    const waited = await took(async () => {
      const stream = await fetch(`http://${daemon.reflection}/api/traces/${telemetry.traceId}/stream`);
      for await (const chunk of stream.body) if ((text += Buffer.from(chunk)).endsWith('\n\n:\n\n')) break;
    });
    assert.match(text, /^data: /);
    assert.ok(waited > 14 && waited < 15 + 5 * slack, `${waited} s`);
    await daemon.stop();
  });

  it('how late the loop is is looked at every five seconds', async () => {
    let daemon; // its start is in the time: on a busy machine it may be over for a while before we hear of it
    const looks = async () => Number(/^genkitd_loop_lag_seconds_count (\d+)/m.exec(await (await fetch(`http://${daemon.flows}/metrics`)).text())?.[1] ?? 0);
    const waited = await took(async () => {
      daemon = await start({ modules: ['demo'] });
      await until(looks, 'a look');
    });
    assert.ok(waited > 4 && waited < 5 + 5 * slack, `${waited} s`);
    await daemon.stop();
  });

  it('spans leave five seconds after the first of them, log records after one', async () => {
    const sink = await collector();
    const begin = performance.now(); // the first record is the daemon's own, of its start
    const daemon = await start({ dev: false, modules: ['demo'], set: { 'telemetry.export': [{ backend: 'custom', endpoint: `${sink.url}/v1/traces`, signals: ['traces', 'logs'], encoding: 'json' }] } });
    const after = async (path) => (await sink.arrived((r) => r.path === path, path), (performance.now() - begin) / 1000);
    await fetch(`http://${daemon.flows}/steps`, { method: 'POST', body: JSON.stringify({ data: { text: 'one' } }) });
    const [records, spans] = await Promise.all([after('/v1/logs'), after('/v1/traces')]);
    assert.ok(records > 0.9 && records < 1 + 5 * slack, `${records} s`);
    assert.ok(spans > 4.9 && spans < 5 + 5 * slack, `${spans} s`);
    await daemon.stop();
    await sink.stop();
  });

  it('a collector that takes and says nothing is given up after ten seconds', async () => {
    const server = createServer(() => {});
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const endpoint = `http://127.0.0.1:${server.address().port}/v1/traces`;
    const daemon = await start({ dev: false, modules: ['demo'], set: { 'telemetry.export': [{ backend: 'custom', endpoint, delay: '1ms' }] } });
    const waited = await took(async () => {
      await fetch(`http://${daemon.flows}/hello`, { method: 'POST', body: JSON.stringify({ data: { name: 'Ada' } }) });
      await until(() => /no answer from/.test(daemon.stderr()), 'a line that it is gone');
    });
    assert.ok(waited > 9.9 && waited < 10 + 5 * slack, `${waited} s`);
    server.closeAllConnections();
    server.close();
    await daemon.stop();
  });

  it('a collector that takes and says nothing holds the end up for ten seconds', async () => {
    let asked = 0;
    const server = createServer(() => asked++);
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const endpoint = `http://127.0.0.1:${server.address().port}/v1/traces`;
    const daemon = await start({ dev: false, modules: ['demo'], set: { 'telemetry.export': [{ backend: 'custom', endpoint, delay: '20ms', timeout: '60s' }] } });
    await fetch(`http://${daemon.flows}/hello`, { method: 'POST', body: JSON.stringify({ data: { name: 'Ada' } }) });
    await until(() => asked, 'the spans');
    let code;
    const waited = await took(async () => ({ code } = await daemon.stop()));
    assert.equal(code, 0);
    assert.ok(waited > 9 && waited < 10 + 5 * slack, `${waited} s`);
    server.closeAllConnections();
    server.close();
  });
});
