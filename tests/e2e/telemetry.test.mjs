// What the daemon tells others: OpenTelemetry's collectors, the telemetry server of Genkit's tools, Prometheus.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import https from 'node:https';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { at, attributes, collector, spans } from './lib/collector.mjs';
import { build, genkitd, project, start, until } from './lib/daemon.mjs';
import { freePort, genkit, missing, tools } from './lib/clients.mjs';
import { authority } from './lib/provider.mjs';
import { post, request } from './lib/raw.mjs';

const greet = (daemon, name = 'Ada') => post(daemon.flows, '/greet', { data: { name } });
const exported = (url, more = {}) => ({ 'telemetry.export': [{ backend: 'custom', endpoint: `${url}/v1/traces`, delay: '20ms', ...more }] });

describe('OTLP', () => {
  let sink;
  before(async () => (sink = await collector()));
  after(() => sink.stop());

  async function run(options, test) {
    sink.requests.length = 0;
    const daemon = await start({ dev: false, ...options });
    try {
      await test(daemon);
    } finally {
      await daemon.stop();
    }
  }

  it('spans arrive as JSON, compressed, without inputs and outputs', () =>
    run({ set: exported(sink.url, { encoding: 'json', headers: { 'X-Key': 'k' } }) }, async (daemon) => {
      const answer = await greet(daemon);
      await sink.arrived((r) => r.path === '/v1/traces', 'a request');
      const [{ headers }] = sink.requests;
      assert.equal(headers['content-type'], 'application/json');
      assert.equal(headers['content-encoding'], 'gzip');
      assert.equal(headers['x-key'], 'k');
      const [span] = spans(sink.requests);
      assert.equal(span.traceId, answer.get('x-genkit-trace-id'));
      assert.equal(span.attributes['genkit:name'], 'greet');
      assert.equal(span.attributes['genkit:input'], '<redacted>');
      assert.equal(span.attributes['genkit:feature'], 'greet');
      const resource = attributes(sink.requests[0].json.resourceSpans[0].resource.attributes);
      assert.equal(resource['service.name'], 'genkitd');
      assert.match(resource['service.instance.id'], /^[0-9a-f-]{36}$/);
    }));

  it('spans arrive as protobuf', () =>
    run({ set: exported(sink.url, { inputs_and_outputs: true, compression: 'none' }) }, async (daemon) => {
      const answer = await greet(daemon, 'Bob');
      await sink.arrived((r) => r.path === '/v1/traces', 'a request');
      const [{ headers, body }] = sink.requests;
      assert.equal(headers['content-type'], 'application/x-protobuf');
      const [span] = at(body, 1, 2, 2);
      assert.equal(at(span, 1)[0].toString('hex'), answer.get('x-genkit-trace-id'));
      assert.equal(at(span, 5)[0].toString(), 'greet');
      assert.ok(at(span, 9).some((pair) => at(pair, 1)[0].toString() === 'genkit:input' && at(pair, 2, 1)[0].toString() === '{"name":"Bob"}'));
    }));

  it('what is refused for the moment is sent again', () =>
    run({ set: exported(sink.url, { encoding: 'json' }) }, async (daemon) => {
      sink.answers.push([429, { 'Retry-After': '0' }], [503, { 'Retry-After': '0' }]);
      await greet(daemon);
      await until(() => sink.requests.length === 3, 'three requests');
      const ids = sink.requests.map((r) => spans([r])[0].spanId);
      assert.equal(new Set(ids).size, 1);
      assert.doesNotMatch(daemon.stderr(), /warn/);
    }));

  it("OpenTelemetry's variables name a collector", () =>
    run({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b',
        OTEL_SERVICE_NAME: 'kitchen', OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test', OTEL_BSP_SCHEDULE_DELAY: '20',
        OTEL_METRICS_EXPORTER: 'none',
      },
    }, async (daemon) => {
      await greet(daemon);
      await sink.arrived((r) => r.path === '/v1/traces', 'spans');
      await sink.arrived((r) => r.path === '/v1/logs', 'log records');
      const [traces] = sink.to('/v1/traces');
      assert.equal(traces.headers['api-key'], 'a b');
      const resource = attributes(traces.json.resourceSpans[0].resource.attributes);
      assert.equal(resource['service.name'], 'kitchen');
      assert.equal(resource['deployment.environment.name'], 'test');
    }));

  it('log records and metrics arrive too', () =>
    run({ set: { ...exported(sink.url, { encoding: 'json', signals: ['traces', 'logs', 'metrics'] }), 'telemetry.metric_interval': '100ms' } }, async (daemon) => {
      await greet(daemon);
      const metrics = () => sink.to('/v1/metrics').flatMap((r) => r.json.resourceMetrics[0].scopeMetrics[0].metrics);
      const requests = await until(() => metrics().find((m) => m.name === 'genkit/feature/requests'), 'metrics');
      assert.equal(attributes(requests.sum.dataPoints[0].attributes).name, 'greet');
      await sink.arrived((r) => r.path === '/v1/logs', 'log records');
      const [record] = sink.to('/v1/logs')[0].json.resourceLogs[0].scopeLogs[0].logRecords;
      assert.equal(record.severityText, 'INFO');
      assert.match(record.body.stringValue, /listening on/);
    }));

  it("OpenTelemetry's variables limit what a span holds, and say how metrics are counted", () =>
    run({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_BSP_SCHEDULE_DELAY: '20', OTEL_LOGS_EXPORTER: 'none',
        OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: '12', OTEL_METRIC_EXPORT_INTERVAL: '100', OTEL_BSP_EXPORT_TIMEOUT: '500',
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'Delta', OTEL_LOG_LEVEL: 'DEBUG',
      },
    }, async (daemon) => {
      const answer = await greet(daemon);
      await sink.arrived((r) => r.path === '/v1/traces', 'spans');
      const [span] = spans(sink.to('/v1/traces'));
      assert.equal(span.traceId, answer.get('x-genkit-trace-id'));
      assert.equal(span.attributes['genkit:key'], '/flow/greet');
      assert.equal(span.attributes['genkit:path'], '/{greet,t:fl…');
      const requests = () => sink.to('/v1/metrics').flatMap((r) => r.json.resourceMetrics[0].scopeMetrics[0].metrics).filter((m) => m.name === 'genkit/feature/requests');
      await until(() => requests().length === 1, 'metrics');
      await greet(daemon);
      await greet(daemon);
      await until(() => requests().reduce((sum, m) => sum + Number(m.sum.dataPoints[0].asInt), 0) === 3, 'what is new');
      assert.ok(requests().every((m) => m.sum.aggregationTemporality === 1));
      assert.match(daemon.stderr(), / debug /);
    }));

  it('a collector may ask who sends', async () => {
    const { file, cert, key } = authority();
    const senders = [];
    const server = https.createServer({ cert, key, ca: cert, requestCert: true }, (req, res) => {
      senders.push(req.socket.getPeerCertificate().subject.CN);
      req.resume();
      res.end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const daemon = await start({
      dev: false,
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: `https://127.0.0.1:${server.address().port}`, OTEL_BSP_SCHEDULE_DELAY: '20', OTEL_LOGS_EXPORTER: 'none',
        OTEL_EXPORTER_OTLP_CERTIFICATE: file, OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: file, OTEL_EXPORTER_OTLP_CLIENT_KEY: join(dirname(file), 'key.pem'),
      },
    });
    await greet(daemon);
    await until(() => senders.length, 'a request');
    assert.equal(senders[0], 'localhost');
    await daemon.stop();
    server.close();
  });

  it('variables that make no sense are mistakes', async () => {
    const wrong = (env) => start({ dev: false, env: { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, ...env } });
    await assert.rejects(wrong({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }), /'grpc' is neither http\/protobuf nor http\/json/);
    await assert.rejects(wrong({ OTEL_EXPORTER_OTLP_COMPRESSION: 'zip' }), /'zip' is neither gzip nor none/);
    await assert.rejects(wrong({ OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'never' }), /'never' is none of cumulative, delta, lowmemory/);
    await assert.rejects(wrong({ OTEL_SPAN_EVENT_COUNT_LIMIT: 'many' }), /\$OTEL_SPAN_EVENT_COUNT_LIMIT: .*trace\.max_events/);
    const unasked = await start({ dev: false, env: { OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'never' } });
    await unasked.stop();
  });

  it('what is queued leaves before the daemon does', async () => {
    sink.requests.length = 0;
    const daemon = await start({ dev: false, set: exported(sink.url, { encoding: 'json', delay: '1h' }) });
    await greet(daemon);
    assert.equal(sink.requests.length, 0);
    const { code } = await daemon.stop();
    assert.equal(code, 0);
    assert.equal(spans(sink.to('/v1/traces')).length, 1);
  });

  it('a reload sends spans elsewhere', async () => {
    const cwd = project();
    const config = join(cwd, 'c.yaml');
    const other = await collector();
    const write = (url) => writeFileSync(config, `telemetry:\n  export:\n    - {backend: custom, endpoint: "${url}/v1/traces", encoding: json, delay: 20ms}\n`);
    write(sink.url);
    const daemon = await start({ dev: false, cwd, args: ['--config', config] });
    write(other.url);
    daemon.child.kill('SIGHUP');
    await until(() => /reloaded/.test(daemon.stderr()), 'the reload');
    await greet(daemon);
    await other.arrived((r) => r.path === '/v1/traces', 'spans at the new place');
    await daemon.stop();
    await other.stop();
  });

  it('a dead collector costs a line when it goes and one when it returns', async () => {
    const first = await collector();
    const daemon = await start({ dev: false, set: exported(first.url, { encoding: 'json', timeout: '2s' }) });
    await first.stop();
    await greet(daemon);
    await until(() => /no answer from/.test(daemon.stderr()), 'a line that it is gone');
    const begin = process.hrtime.bigint();
    for (let i = 0; i < 50; i++) assert.equal((await greet(daemon)).status, 200);
    assert.ok(process.hrtime.bigint() - begin < 25_000_000_000n, 'runs wait for it');
    const again = await collector({ port: first.port });
    // What was queued may have been tried, and lost, before it was back: only something new tries again.
    await until(async () => (await greet(daemon)) && /answers again/.test(daemon.stderr()), 'a line that it is back', 90000);
    assert.equal(daemon.stderr().match(/no answer from/g).length, 1);
    await again.stop();
    await daemon.stop();
  });

  it('what a dead collector never took is said at the end', async () => {
    let text;
    // The next try may come between the run and the end: then nothing is left to tell of.
    for (let i = 0; i < 5 && !/were not sent/.test(text); i++) {
      const daemon = await start({ dev: false, set: exported('http://127.0.0.1:9', { timeout: '300ms' }) });
      await greet(daemon);
      await until(() => /no answer from/.test(daemon.stderr()), 'a line that it is gone');
      await greet(daemon);
      const { code } = await daemon.stop();
      assert.equal(code, 0);
      text = daemon.stderr();
    }
    assert.match(text, /custom traces: 1 were not sent before the end/);
  });

  it('a destination that lacks what it needs is a mistake of the configuration', async () => {
    await assert.rejects(start({ dev: false, set: { 'telemetry.export': [{ backend: 'honeycomb' }] } }), /Honeycomb API key is required: set honeycomb_api_key, or \$HONEYCOMB_API_KEY/);
  });
});

describe('back ends', () => {
  const basic = (pair) => `Basic ${Buffer.from(pair).toString('base64')}`;
  const all = [
    ['sentry', (url) => ({ options: { sentry_dsn: url.replace('//', '//k@') + '/42' } }), '/api/42/otlp/v1/traces', { 'x-sentry-auth': 'sentry sentry_key=k' }],
    ['honeycomb', (url) => ({ options: { honeycomb_api_key: 'k', honeycomb_dataset: 'd', honeycomb_api_endpoint: `${url}/` } }), '/v1/traces', { 'x-honeycomb-team': 'k', 'x-honeycomb-dataset': 'd' }],
    ['datadog', (url) => ({ endpoint: `${url}/v1/traces`, options: { datadog_api_key: 'k' } }), '/v1/traces', { 'dd-api-key': 'k' }],
    ['grafana', (url) => ({ options: { grafana_endpoint: `${url}/otlp`, grafana_user_id: '7', grafana_api_key: 'k' } }), '/otlp/v1/traces', { authorization: basic('7:k') }],
    ['axiom', (url) => ({ endpoint: `${url}/v1/traces`, options: { axiom_api_token: 'k' } }), '/v1/traces', { authorization: 'Bearer k', 'x-axiom-dataset': 'genkit' }],
    ['langfuse', (url) => ({ options: { langfuse_host: url, langfuse_public_key: 'p', langfuse_secret_key: 's' } }), '/api/public/otel/v1/traces', { authorization: basic('p:s') }],
    ['newrelic', (url) => ({ endpoint: `${url}/v1/traces`, options: { newrelic_api_key: 'k' } }), '/v1/traces', { 'api-key': 'k' }],
    ...['phoenix', 'jaeger', 'tempo', 'otlp', 'custom'].map((name) => [name, (url) => ({ endpoint: `${url}/any/v1/traces`, headers: { 'X-More': 'm' } }), '/any/v1/traces', { 'x-more': 'm' }]),
  ];

  it('are sent spans as each of them wants it, several at once, and no secret is logged', async () => {
    const sinks = await Promise.all(all.map(() => collector()));
    const entries = all.map(([backend, more], i) => ({ backend, delay: '20ms', ...more(sinks[i].url) }));
    for (const some of [entries.slice(0, 6), entries.slice(6)]) {
      const daemon = await start({ dev: false, set: { 'telemetry.export': some, 'log.level': 'debug' } });
      await greet(daemon);
      for (const entry of some) {
        const [, , path, headers] = all[entries.indexOf(entry)];
        const sink = sinks[entries.indexOf(entry)];
        await sink.arrived((r) => r.path === path, `a request of ${entry.backend}`);
        for (const [name, value] of Object.entries(headers)) assert.equal(sink.requests[0].headers[name], value, entry.backend);
        assert.equal(sink.requests[0].headers['content-type'], 'application/x-protobuf');
        assert.match(sink.requests[0].headers['user-agent'], /^genkitd\//);
      }
      await daemon.stop();
      assert.doesNotMatch(daemon.stderr(), /sentry_key|Bearer|Basic|k@|api_key/);
    }
    await Promise.all(sinks.map((sink) => sink.stop()));
  });
});

describe("the telemetry server of Genkit's tools", () => {
  let server;
  before(async () => (server = await collector()));
  after(() => server.stop());
  const posted = () => server.to('/api/traces').map((r) => r.json);
  const run = (daemon) => post(daemon.reflection, '/api/runAction', { key: '/flow/greet', input: { name: 'Ada' } });
  // A run whose spans are there with its answer. It waits no longer than a second: a loaded machine has several tries.
  async function runWith(daemon, count) {
    for (let i = 0; ; i++) {
      server.requests.length = 0;
      const answer = await run(daemon);
      if (posted().length === count || i === 9) return answer;
      await until(() => posted().length >= count, 'the rest of the spans');
    }
  }

  it('is sent spans when they start and when they end, before the answer is complete', async () => {
    const daemon = await start({ env: { GENKIT_TELEMETRY_SERVER: server.url, GENKIT_ENABLE_REALTIME_TELEMETRY: 'true' } });
    const { telemetry } = JSON.parse((await runWith(daemon, 2)).body);
    const [begun, ended] = posted();
    assert.equal(posted().length, 2);
    const [id] = Object.keys(begun.spans);
    assert.equal(begun.traceId, telemetry.traceId);
    assert.equal(begun.spans[id].endTime, 0);
    assert.equal(begun.displayName, 'greet');
    assert.ok(ended.spans[id].endTime >= ended.spans[id].startTime);
    assert.equal(ended.spans[id].attributes['genkit:output'], '{"message":"hello Ada"}');
    assert.equal(ended.endTime, ended.spans[id].endTime);
    await daemon.stop();
  });

  it('is sent only ends without real time', async () => {
    const daemon = await start({ env: { GENKIT_TELEMETRY_SERVER: server.url } });
    await runWith(daemon, 1);
    assert.equal(posted().length, 1);
    await daemon.stop();
  });

  it('is sent log records, but nothing of what telemetry says of itself', async () => {
    server.requests.length = 0;
    const daemon = await start({ modules: ['demo'], env: { GENKIT_TELEMETRY_SERVER: server.url } });
    const steps = async () => JSON.parse((await post(daemon.reflection, '/api/runAction', { key: '/flow/steps', input: { text: 'one two' } })).body).telemetry.traceId;
    const records = () => server.to('/api/otlp').flatMap((r) => r.json.resourceLogs[0].scopeLogs).flatMap((scope) => scope.logRecords);
    server.answers.push([400, {}]);
    await steps();
    await until(() => /refused with HTTP status 400/.test(daemon.stderr()), 'that telemetry complains');
    const traceId = await steps();
    const record = await until(() => records().find((one) => one.traceId === traceId), 'the record');
    assert.deepEqual([record.body.stringValue, record.severityText, record.severityNumber], ['counted 2 words', 'INFO', 9]);
    assert.ok(record.spanId && record.timeUnixNano);
    assert.doesNotMatch(JSON.stringify(records()), /refused with/);
    assert.equal(server.to('/api/otlp')[0].headers['content-type'], 'application/json');
    await daemon.stop();
  });

  it('is found by a notification, and not when the environment named another', async () => {
    server.requests.length = 0;
    const daemon = await start();
    await run(daemon);
    await post(daemon.reflection, '/api/notify', { telemetryServerUrl: server.url, reflectionApiSpecVersion: 1 });
    assert.equal(posted().length, 0);
    await runWith(daemon, 1);
    assert.equal(posted().length, 1);
    await daemon.stop();
    server.requests.length = 0;
    const deaf = await start({ env: { GENKIT_TELEMETRY_SERVER: 'http://127.0.0.1:9' } });
    await post(deaf.reflection, '/api/notify', { telemetryServerUrl: server.url, reflectionApiSpecVersion: 1 });
    await run(deaf);
    await deaf.stop();
    assert.equal(posted().length, 0);
  });

  it('of the real CLI shows the trace of a run', { skip: missing }, async () => {
    const ui = await tools([genkitd, '--module', join(build, 'modules/testapp.so'), '--set', 'server.listen=127.0.0.1:0'], { cwd: project(), port: await freePort() });
    const response = await ui.post('/runAction', { key: '/flow/greet', input: { name: 'Eve' } });
    const { telemetry: { traceId } } = await response.json();
    const spans = async () => Object.values((await ui.query('getTrace', { traceId }).catch(() => ({}))).spans ?? {});
    const span = await until(async () => (await spans()).find((one) => one.endTime), 'the trace');
    assert.equal(span.attributes['genkit:output'], '{"message":"hello Eve"}');
    const { traces } = await ui.query('listTraces', { limit: 5 });
    assert.ok(traces.some((t) => t.traceId === traceId));
    await ui.stop();
  });

  it('of one command of the CLI keeps what trace:list and trace:get show', { skip: missing }, async () => {
    const daemon = await start({ modules: ['demo'] });
    const cli = async (...args) => {
      const { stdout, stderr } = await genkit(args, { cwd: daemon.cwd });
      return stdout + stderr;
    };
    await cli('flow:run', 'hello', '{"name":"Zoe"}');
    const [id] = await until(async () => /[0-9a-f]{32}/.exec(await cli('trace:list')), 'the trace');
    assert.match(await cli('trace:get', id), /Hello, Zoe!/);
    await daemon.stop();
  });

  it('makes one run wait when it does not answer, and no others until it does', async () => {
    const slow = createServer((req) => req.resume()).listen(0, '127.0.0.1');
    await once(slow, 'listening');
    const daemon = await start({ env: { GENKIT_TELEMETRY_SERVER: `http://127.0.0.1:${slow.address().port}` } });
    await run(daemon);
    const begin = process.hrtime.bigint();
    for (let i = 0; i < 20; i++) assert.equal((await run(daemon)).status, 200);
    const spent = process.hrtime.bigint() - begin;
    assert.ok(spent < 20_000_000_000n, `each of 20 runs waited a second: ${spent} ns`);
    slow.closeAllConnections();
    slow.close();
    await daemon.stop();
  });

  it('is not waited for when it is dead', async () => {
    const daemon = await start({ env: { GENKIT_TELEMETRY_SERVER: 'http://127.0.0.1:9', GENKIT_ENABLE_REALTIME_TELEMETRY: 'true' } });
    await run(daemon);
    // Log records have a queue of their own: what a loaded machine makes the daemon say finds the server dead a second time.
    const gone = () => daemon.stderr().match(/no answer from http:\/\/127\.0\.0\.1:9\/api\/traces:/g) ?? [];
    await until(() => gone().length, 'a line that it is gone');
    const begin = process.hrtime.bigint();
    for (let i = 0; i < 20; i++) assert.equal((await run(daemon)).status, 200);
    assert.ok(process.hrtime.bigint() - begin < 20_000_000_000n, 'each of 20 runs waited a second');
    assert.equal(gone().length, 1, daemon.stderr());
    await daemon.stop();
  });
});

describe('traceparent', () => {
  const remote = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  it('is linked to, or continued when asked for', async () => {
    const daemon = await start({ dev: false, set: { 'trace.continue_remote': 'true' } });
    const answer = await post(daemon.flows, '/greet', { data: { name: 'x' } }, { traceparent: remote });
    assert.equal(answer.get('x-genkit-trace-id'), '0af7651916cd43dd8448eb211c80319c');
    await daemon.stop();
    const careful = await start({ dev: false });
    const other = await post(careful.flows, '/greet', { data: { name: 'x' } }, { traceparent: remote });
    assert.notEqual(other.get('x-genkit-trace-id'), '0af7651916cd43dd8448eb211c80319c');
    await careful.stop();
  });
});

describe('/metrics', () => {
  const promtool = spawnSync('promtool', ['--version']).error ? 'promtool is not installed' : false;

  it('is what promtool takes', { skip: promtool }, async () => {
    const daemon = await start({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' } });
    await greet(daemon);
    await post(daemon.flows, '/throwyStatus', {});
    await post(daemon.flows, '/none', {});
    const { status, body, get } = await request(daemon.flows, 'GET', '/metrics');
    assert.equal(status, 200);
    assert.match(get('content-type'), /^text\/plain; version=0\.0\.4/);
    const check = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' });
    assert.equal(check.status, 0, check.stderr);
    assert.equal(check.stderr, '');
    assert.match(body, /^genkitd_actions_total\{type="flow",name="greet",status="success"\} 1$/m);
    assert.match(body, /^genkitd_actions_total\{type="flow",name="throwyStatus",status="error"\} 1$/m);
    assert.match(body, /^genkitd_http_requests_total\{surface="flows",route="\/\*",method="POST",code="200"\} 1$/m);
    assert.match(body, /^process_resident_memory_bytes \d+$/m);
    await daemon.stop();
  });

  it('asks for the key of administrators, else for that of callers', async () => {
    const both = await start({ dev: false, set: { 'server.auth': 'api_key', 'server.api_keys': ['caller'], 'server.admin_keys': ['admin'] } });
    const ask = (daemon, key) => request(daemon.flows, 'GET', '/metrics', { headers: key ? { Authorization: key } : {} });
    assert.equal((await ask(both)).status, 401);
    assert.notEqual((await ask(both, 'caller')).status, 200);
    assert.equal((await ask(both, 'admin')).status, 200);
    await both.stop();
    const one = await start({ dev: false, set: { 'server.auth': 'api_key', 'server.api_keys': ['caller'] } });
    assert.equal((await ask(one)).status, 401);
    assert.equal((await ask(one, 'caller')).status, 200);
    await one.stop();
  });
});
