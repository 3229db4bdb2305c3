// What holds requests to a provider back, and what is used again: seen from the provider, over real connections.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { join } from 'node:path';
import { build, project, slack, start, until } from './lib/daemon.mjs';
import { authority, provider } from './lib/provider.mjs';

const said = { choices: [{ message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }] };
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** A service that counts: how many it answers at once, over how many connections. `status()` says what to answer. */
async function counting({ wait = 0, tls = false, status = () => 200 } = {}) {
  const seen = { now: 0, most: 0, sockets: new Set(), times: [] };
  const answer = async (req) => {
    seen.sockets.add(req.socket);
    seen.times.push(Date.now());
    seen.most = Math.max(seen.most, ++seen.now);
    await sleep(wait);
    seen.now--;
    return { status: status(), body: said };
  };
  return Object.assign(seen, await provider({ 'POST /v1/chat/completions': (request) => answer(request.raw) }, { tls }));
}
async function daemonFor(service, options = {}, set = {}) {
  const lines = Object.entries(options).map(([name, value]) => `      ${name}: ${value}\n`).join('');
  const cwd = project({ 'genkitd.yaml': `plugins:\n  compat:\n    - name: zoo\n      base_url: ${service.url}/v1\n${lines}` });
  const daemon = await start({ cwd, modules: [], args: ['--module', join(build, 'examples/ask.so'), '--config', join(cwd, 'genkitd.yaml')], set });
  const ask = () => fetch(`http://${daemon.flows}/ask`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ data: { model: 'zoo/lion', question: 'hi' } }) });
  const metric = async (name) => {
    const text = await (await fetch(`http://${daemon.flows}/metrics`)).text();
    return Number(text.split('\n').find((line) => line.startsWith(`${name} `))?.slice(name.length + 1));
  };
  return Object.assign(daemon, { ask, metric, many: (count) => Promise.all(Array.from({ length: count }, ask)) });
}
const stop = (...all) => Promise.all(all.map((it) => it.stop()));

describe('requests to a provider', () => {
  for (const tls of [false, true])
    it(`use their connection again over ${tls ? 'TLS' : 'HTTP'}`, async () => {
      const service = await counting({ tls });
      const daemon = await daemonFor(service, {}, tls ? { 'http_client.ca_file': authority().file } : {});
      for (let i = 0; i < 20; i++) assert.equal((await daemon.ask()).status, 200);
      assert.equal(service.sockets.size, 1);
      await stop(daemon, service);
    });
  it('go at once, each over a connection of its own', async () => {
    const service = await counting({ wait: 400 * slack });
    const daemon = await daemonFor(service);
    await daemon.many(8);
    assert.equal(service.most, 8);
    assert.equal(service.sockets.size, 8);
    await stop(daemon, service);
  });
  it('share the connections that a host may have', async () => {
    const service = await counting({ wait: 50 });
    const daemon = await daemonFor(service, {}, { 'http_client.max_host_connections': '2' });
    const answers = await daemon.many(8);
    assert.ok(answers.every((res) => res.status === 200));
    assert.equal(service.most, 2);
    assert.equal(service.sockets.size, 2);
    await stop(daemon, service);
  });
  it('wait for one another where so many may go at once', async () => {
    const service = await counting({ wait: 300 * slack });
    const daemon = await daemonFor(service, { max_concurrent: 2 });
    const all = daemon.many(6);
    await until(() => service.now === 2, 'two of them');
    assert.equal(await daemon.metric('genkitd_provider_requests_in_flight{provider="zoo"}'), 2);
    assert.ok((await daemon.metric('genkitd_provider_requests_waiting{provider="zoo"}')) > 0);
    assert.ok((await all).every((res) => res.status === 200));
    assert.equal(service.most, 2);
    assert.equal(await daemon.metric('genkitd_provider_requests_waiting{provider="zoo"}'), 0);
    await stop(daemon, service);
  });
  it('are refused where too many wait', async () => {
    const service = await counting({ wait: 400 * slack });
    const daemon = await daemonFor(service, { max_concurrent: 1, max_queue: 1 });
    const answers = await daemon.many(4);
    const codes = answers.map((res) => res.status).sort();
    assert.deepEqual(codes, [200, 200, 429, 429]);
    const refused = answers.find((res) => res.status === 429);
    assert.match(await refused.text(), /RESOURCE_EXHAUSTED.*zoo/);
    assert.equal(await daemon.metric('genkitd_provider_requests_total{provider="zoo",outcome="queue_full"}'), 2);
    await stop(daemon, service);
  });
  it('are spread over the minute', async () => {
    const service = await counting();
    const daemon = await daemonFor(service, { requests_per_minute: 120 });
    const started = Date.now();
    assert.ok((await daemon.many(5)).every((res) => res.status === 200));
    assert.ok(Date.now() - started >= 1400, `${Date.now() - started} ms`); // two at once, then one each half second
    assert.ok(Date.now() - started < 5000 * slack);
    await stop(daemon, service);
  });
  it('stop while it is down, and go on when it is not', async () => {
    let status = 503;
    const service = await counting({ status: () => status });
    const daemon = await daemonFor(service, { break_after: 2, break_time: 500 * slack });
    const state = () => daemon.metric('genkitd_provider_breaker_state{provider="zoo"}');
    await daemon.ask();
    assert.equal(await state(), 0);
    await daemon.ask();
    assert.equal(await state(), 1);
    const refused = await daemon.ask();
    assert.equal(refused.status, 503);
    assert.ok(JSON.parse(await refused.text()).details.responseMetadata.retryAfterMs <= 500 * slack);
    assert.equal(service.times.length, 2);
    status = 200;
    await sleep(500 * slack + 50);
    assert.equal(await state(), 2);
    assert.equal((await daemon.ask()).status, 200);
    assert.equal(await state(), 0);
    assert.equal(await daemon.metric('genkitd_provider_breaker_opened_total{provider="zoo"}'), 1);
    await stop(daemon, service);
  });
  it('fail fast where nobody listens', async () => {
    const service = await counting();
    const daemon = await daemonFor(service, { break_after: 2 });
    await service.stop();
    for (let i = 0; i < 2; i++) assert.equal((await daemon.ask()).status, 503);
    const started = Date.now();
    assert.match(await (await daemon.ask()).text(), /it is not asked for now/);
    assert.ok(Date.now() - started < 1000 * slack);
    await daemon.stop();
  });
});
