// Model providers: the daemon asks a server that speaks OpenAI's API, over HTTP and over TLS.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { join } from 'node:path';
import { build, genkitd, project, run, slack, start, until } from './lib/daemon.mjs';
import { authority, completion, provider } from './lib/provider.mjs';

const key = 'sk-very-secret-key';
const said = (text) => ({ choices: [{ message: { role: 'assistant', content: text }, finish_reason: 'stop' }], usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } });

function daemonFor(base_url, more = {}, set = {}) {
  const config = `plugins:\n  compat:\n    - name: zoo\n      base_url: ${base_url}/v1\n      api_key: \${ZOO_KEY}\n${Object.entries(more).map(([k, v]) => `      ${k}: ${v}\n`).join('')}`;
  const cwd = project({ 'genkitd.yaml': config });
  return start({ cwd, modules: [], args: ['--module', join(build, 'examples/ask.so'), '--config', join(cwd, 'genkitd.yaml')], set, env: { ZOO_KEY: key } });
}
const post = (daemon, data, headers = {}, signal) =>
  fetch(`http://${daemon.flows}/ask`, { method: 'POST', body: JSON.stringify({ data }), headers: { 'content-type': 'application/json', ...headers }, signal });
const ask = (daemon, question) => post(daemon, { model: 'zoo/lion', question });

for (const tls of [false, true])
  describe(`a compatible service over ${tls ? 'TLS' : 'HTTP'}`, () => {
    let service, daemon;
    before(async () => {
      service = await provider({
        'POST /v1/chat/completions': ({ body }) => {
          const question = body.messages.at(-1).content;
          if (question === 'fail') return { status: 429, headers: { 'retry-after': '3' }, body: { error: { message: `slow down, ${key}` } } };
          if (question === 'redirect') return { status: 302, headers: { location: `${service.url}/v1/elsewhere` }, body: {} };
          if (question === 'half') return { text: completion('one', 'two').slice(0, 90) };
          if (question === 'broken') return { text: completion('one', 'two'), drop: true };
          if (question === 'broken early') return { text: completion('one', 'two').slice(0, 90), drop: true };
          if (question === 'broken body') return { headers: { 'content-length': '500', 'content-type': 'application/json' }, text: JSON.stringify(said('most of it')), drop: true };
          if (question === 'trickle') return { text: completion(...Array(400).fill('x')), pause: 100 };
          if (question === 'slow') return { text: ': wait\n\n', hold: true };
          return body.stream ? { text: completion('gr', 'öwl', ' 🦁'), cut: 1 } : { body: said(`you said ${question}`) };
        },
        'GET /v1/models': { body: { data: [{ id: 'lion' }, { id: 'lion-embed' }] } },
      }, { tls });
      daemon = await daemonFor(service.url, {}, tls ? { 'http_client.ca_file': authority().file } : {});
    });
    after(() => Promise.all([daemon?.stop(), service?.stop()]));

    it('answers a flow', async () => {
      const res = await ask(daemon, 'hello');
      assert.deepEqual(await res.json(), { result: 'you said hello' });
      const { headers, body } = service.heard.at(-1);
      assert.equal(headers.authorization, `Bearer ${key}`);
      assert.match(headers['user-agent'], /^genkit-c\//);
      assert.deepEqual(body, { model: 'lion', messages: [{ role: 'user', content: 'hello' }] });
    });
    it('answers in pieces, however they are cut', async () => {
      const res = await post(daemon, { model: 'zoo/lion', question: 'stream' }, { accept: 'text/event-stream' });
      const events = (await res.text()).split('\n\n').filter(Boolean).map((event) => JSON.parse(event.slice(6)));
      assert.deepEqual(events, [{ message: 'gr' }, { message: 'öwl' }, { message: ' 🦁' }, { result: 'gröwl 🦁' }]);
      assert.equal(service.heard.at(-1).body.stream, true);
    });
    it('tells what the service refused, without the key', async () => {
      const res = await ask(daemon, 'fail');
      assert.equal(res.status, 429);
      const text = await res.text();
      assert.match(text, /slow down/);
      assert.ok(!text.includes(key));
    });
    it('is told the trace when it is on the list, and else nothing', async () => {
      const remote = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
      const told = await daemonFor(service.url, {}, { 'trace.propagate_to': ['localhost', '127.0.0.1'], 'trace.continue_remote': 'true', ...(tls ? { 'http_client.ca_file': authority().file } : {}) });
      const listen = async (headers) => {
        await post(told, { model: 'zoo/lion', question: 'hello' }, headers);
        return service.heard.at(-1).headers;
      };
      const all = await listen({ traceparent: remote, tracestate: `a=${'b'.repeat(510)}`, baggage: `k=${'v'.repeat(8190)}` });
      assert.match(all.traceparent, /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
      assert.notEqual(all.traceparent, remote);
      assert.equal(all.tracestate, `a=${'b'.repeat(510)}`);
      assert.equal(all.baggage, `k=${'v'.repeat(8190)}`);
      const long = await listen({ traceparent: remote, tracestate: `a=${'b'.repeat(511)}`, baggage: `k=${'v'.repeat(8191)}` });
      assert.ok(long.traceparent && !long.tracestate && !long.baggage);
      const own = await listen({ baggage: 'k=v' });
      assert.ok(own.traceparent && !own.baggage);
      await told.stop();
      await ask(daemon, 'hello');
      assert.ok(!service.heard.at(-1).headers.traceparent);
    });
    it('follows no redirect', async () => {
      const before = service.heard.length;
      assert.notEqual((await ask(daemon, 'redirect')).status, 200);
      assert.equal(service.heard.length, before + 1);
    });
    it('takes a stream that breaks off for an error', async () => {
      const res = await post(daemon, { model: 'zoo/lion', question: 'half' }, { accept: 'text/event-stream' });
      const text = await res.text();
      assert.match(text, /error: \{"error"/);
      assert.ok(!text.includes('"result"'), text);
    });
    it('takes an answer whose connection breaks off for an error', async () => {
      const early = await (await post(daemon, { model: 'zoo/lion', question: 'broken early' }, { accept: 'text/event-stream' })).text();
      assert.match(early, /error: \{"error"/);
      assert.ok(!early.includes('"result"'), early);
      const body = await ask(daemon, 'broken body');
      assert.equal(body.status, 500);
      assert.match(await body.text(), /zoo/);
    });
    it('has the whole of a stream whose connection breaks off behind its end', async () => {
      const text = await (await post(daemon, { model: 'zoo/lion', question: 'broken' }, { accept: 'text/event-stream' })).text();
      assert.match(text, /"result":"onetwo"/);
    });
    it('gives an answer up that goes on and on at its time limit', async () => {
      const hasty = await daemonFor(service.url, { timeout: 1500 }, tls ? { 'http_client.ca_file': authority().file } : {});
      const started = Date.now();
      const text = await (await post(hasty, { model: 'zoo/lion', question: 'trickle' }, { accept: 'text/event-stream' })).text();
      assert.match(text, /"message":"x"/);
      assert.match(text, /DEADLINE_EXCEEDED/);
      assert.ok(Date.now() - started < 10000 * slack);
      await hasty.stop();
    });
    it('gives a slow answer up at its time limit', async () => {
      const hasty = await daemonFor(service.url, { timeout: 1500 }, tls ? { 'http_client.ca_file': authority().file } : {});
      const started = Date.now();
      assert.equal((await ask(hasty, 'slow')).status, 504);
      assert.ok(Date.now() - started < 10000 * slack);
      await hasty.stop();
    });
    it('closes the connection when the caller hangs up', async () => {
      const own = await provider({ 'POST /v1/chat/completions': { text: ': wait\n\n', hold: true } }, { tls });
      const other = await daemonFor(own.url, {}, tls ? { 'http_client.ca_file': authority().file } : {});
      const hangUp = new AbortController();
      const call = post(other, { model: 'zoo/lion', question: 'x' }, { accept: 'text/event-stream' }, hangUp.signal).then((r) => r.text());
      await until(() => own.heard.length, 'the request');
      hangUp.abort();
      await assert.rejects(call);
      await own.closed;
      await Promise.all([other.stop(), own.stop()]);
    });
    it('shows its models', async () => {
      const actions = await (await fetch(`http://${daemon.reflection}/api/actions`)).json();
      assert.ok(actions['/model/zoo/lion']);
      assert.ok(actions['/embedder/zoo/lion-embed']);
    });
    it('writes the key nowhere', () => {
      assert.ok(!daemon.stderr().includes(key), daemon.stderr());
    });
  });

describe('a provider that is down', () => {
  it('is not asked for a while, and /metrics says so', async () => {
    const service = await provider({ 'POST /v1/chat/completions': { status: 503, headers: { 'retry-after': '60' }, body: {} } });
    const daemon = await daemonFor(service.url, { break_after: 3 });
    const metric = async (name) => (await (await fetch(`http://${daemon.flows}/metrics`)).text()).split('\n').find((line) => line.startsWith(name));
    for (let i = 0; i < 3; i++) assert.match(await (await ask(daemon, 'hello')).text(), /\[503\]/);
    const res = await ask(daemon, 'hello');
    assert.equal(res.status, 503);
    assert.match(await res.text(), /zoo: it is not asked for now: it failed 3 times in a row/);
    assert.equal(service.heard.length, 3);
    assert.equal(await metric('genkitd_provider_breaker_state'), 'genkitd_provider_breaker_state{provider="zoo"} 1');
    assert.equal(await metric('genkitd_provider_requests_total{provider="zoo",outcome="failed"}'), 'genkitd_provider_requests_total{provider="zoo",outcome="failed"} 3');
    assert.equal(await metric('genkitd_provider_requests_total{provider="zoo",outcome="breaker_open"}'), 'genkitd_provider_requests_total{provider="zoo",outcome="breaker_open"} 1');
    await Promise.all([daemon.stop(), service.stop()]);
  });
});

describe('a mistake in the configuration of plugins', () => {
  it('keeps the daemon from starting and is told', async () => {
    const cwd = project({ 'genkitd.yaml': 'plugins:\n  opnai: {}\n' });
    const { code, stderr } = await run(genkitd, ['--config', join(cwd, 'genkitd.yaml'), '--set', 'server.listen=127.0.0.1:0'], { cwd });
    assert.notEqual(code, 0);
    assert.match(stderr, /genkitd\.yaml:2:3: plugins: there is no plugin 'opnai'; did you mean 'openai'\?/);
  });
  it('is told before the daemon starts, with all others', async () => {
    const cwd = project({ 'genkitd.yaml': 'plugins:\n  openai: {bse_url: x, timeout: soon}\n' });
    const { code, stderr } = await run(genkitd, ['--check-config', '--config', join(cwd, 'genkitd.yaml')], { cwd });
    assert.notEqual(code, 0);
    assert.match(stderr, /genkitd\.yaml:2:12: plugins: plugin openai: there is no option 'bse_url'; did you mean 'base_url'\?/);
    assert.match(stderr, /genkitd\.yaml:2:24: plugins: plugin openai: option 'timeout' must be a number from 0/);
  });
});
