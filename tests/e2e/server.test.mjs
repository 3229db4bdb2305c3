// genkitd as the telemetry server: of the real CLI, and of an app of the JavaScript SDK that only was told the address.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { project, root, run, start, until } from './lib/daemon.mjs';
import { freePort, genkit, missing } from './lib/clients.mjs';

const json = (at, path) => fetch(`http://${at}${path}`).then((response) => response.json());

describe('the daemon is runtime and telemetry server of genkit-cli', { skip: missing }, () => {
  let daemon;
  before(async () => (daemon = await start({ modules: ['demo'] })));
  after(() => daemon.stop());
  const cli = async (...args) => {
    const { stdout, stderr } = await genkit(args, { cwd: daemon.cwd, env: { GENKIT_TELEMETRY_SERVER: `http://${daemon.reflection}` } });
    return stdout + stderr;
  };
  const rows = (file) => JSON.parse(readFileSync(join(daemon.cwd, file), 'utf8'));

  it('which is not sent its own traces', async () => {
    const port = await freePort();
    const own = `http://localhost:${port}`;
    for (const env of [{}, { GENKIT_TELEMETRY_SERVER: own }]) {
      const alone = await start({ modules: ['demo'], env, set: { 'reflection.listen': `127.0.0.1:${port}`, 'log.level': 'debug' } });
      const post = (path, value) => fetch(`${own}${path}`, { method: 'POST', body: JSON.stringify(value) });
      await post('/api/notify', { telemetryServerUrl: own, reflectionApiSpecVersion: 1 });
      await post('/api/runAction', { key: '/flow/hello', input: { name: 'x' } });
      const page = await (await fetch(`http://${alone.flows}/metrics`)).text();
      assert.match(page, /^genkitd_http_requests_total\{surface="reflection",route="\/api\/runAction",method="POST",code="200"\} 1$/m);
      assert.doesNotMatch(page, /route="\/api\/traces"/);
      await alone.stop();
    }
  });
  it('flow:run, trace:list, trace:get and log:list', async () => {
    await cli('flow:run', 'steps', '{"text":"one two three"}');
    const list = await cli('trace:list');
    assert.match(list, /Found 1 trace:[^]*Type: +flow[^]*Name: +steps[^]*Status: +success[^]*Input: +\{"text":"one two three"\}/);
    const [, id] = /ID: +([0-9a-f]{32})/.exec(list);
    assert.match(await cli('trace:get', id), /steps \(flow\)[^]*shout \(flowStep\)[^]*count \(flowStep\)/);
    assert.match(await cli('log:list'), /counted 3 words/);
    assert.doesNotMatch(daemon.stderr(), /warn/);
  });
  it('eval:extractData takes what flows were given and gave', async () => {
    writeFileSync(join(daemon.cwd, 'in.json'), JSON.stringify([{ name: 'A' }, { name: 'B' }]));
    await cli('flow:batchRun', 'hello', 'in.json', '--label', 'night');
    await cli('flow:run', 'hello', '{"name":"C"}');
    await cli('eval:extractData', 'hello', '--output', 'all.json');
    await cli('eval:extractData', 'hello', '--label', 'night', '--output', 'night.json');
    assert.deepEqual(rows('all.json').map((row) => row.output).sort(), ['Hello, A!', 'Hello, B!', 'Hello, C!']);
    assert.deepEqual(rows('night.json').map((row) => row.input.name).sort(), ['A', 'B']);
    assert.ok(rows('all.json').every((row) => row.traceIds.length === 1 && row.testCaseId));
  });
  it('eval:flow and eval:run', async () => {
    writeFileSync(join(daemon.cwd, 'guests.json'), JSON.stringify([{ testCaseId: 'ada', input: { name: 'Ada' } }, { testCaseId: 'long', input: { name: 'x'.repeat(60) } }]));
    await cli('eval:flow', 'hello', '--input', 'guests.json', '--force', '--evaluators', 'demo/brevity', '--output', 'graded.json');
    const graded = Object.fromEntries(rows('graded.json').map((row) => [row.testCaseId, row]));
    assert.deepEqual([graded.ada.output, graded.ada.metrics[0].status, graded.long.metrics[0].status], ['Hello, Ada!', 'PASS', 'FAIL']);
    const trace = await json(daemon.reflection, `/api/traces/${graded.ada.traceIds[0]}`);
    assert.equal(trace.displayName, 'hello');
    await cli('eval:extractData', 'hello', '--maxRows', '2', '--output', 'last.json');
    await cli('eval:run', 'last.json', '--force', '--evaluators', 'demo/brevity', '--output', 'scores.json');
    assert.equal(rows('scores.json').length, 2);
    const { traceId, spanId } = rows('scores.json')[0].metrics[0];
    const cases = await json(daemon.reflection, `/api/traces/${traceId}`);
    assert.match(cases.spans[spanId].displayName, /^Test Case /);
  });
});

describe('an app of the JavaScript SDK', { skip: missing }, () => {
  for (const realtime of [false, true])
    it(`keeps its traces and logs here, ${realtime ? 'in real time' : 'when spans end'}`, async () => {
      const daemon = await start({ modules: ['demo'] });
      const env = { GENKIT_ENV: 'dev', GENKIT_TELEMETRY_SERVER: `http://${daemon.reflection}`, ...(realtime ? { GENKIT_ENABLE_REALTIME_TELEMETRY: 'true' } : {}) };
      const { code, stdout, stderr } = await run('node', [join(root, 'tests/e2e/apps/menu.mjs')], { cwd: project(), env, timeout: 60000 });
      assert.equal(code, 0, stderr);
      assert.match(stdout, /echo: PIRATES/);
      const { traces } = await until(async () => {
        const list = await json(daemon.reflection, '/api/traces');
        return list.traces.length === 2 && list;
      }, 'two traces');
      assert.deepEqual(traces.map((trace) => trace.displayName).sort(), ['burnt', 'menu']);
      const failed = await json(daemon.reflection, `/api/traces?filter=${encodeURIComponent('{"eq":{"status":2}}')}`);
      assert.deepEqual(failed.traces.map((trace) => trace.displayName), ['burnt']);
      const whole = await json(daemon.reflection, `/api/traces/${traces.find((trace) => trace.displayName === 'menu').traceId}`);
      const spans = Object.values(whole.spans);
      assert.deepEqual(spans.map((span) => span.displayName).sort(), ['generate', 'menu', 'menu/echo', 'shout']);
      assert.ok(spans.every((span) => span.endTime > 0));
      const found = await json(daemon.reflection, '/api/traces?q=pirates');
      assert.deepEqual(found.traces.map((trace) => trace.displayName), ['menu']);
      const { logs } = await json(daemon.reflection, `/api/traces/${whole.traceId}/logs`);
      assert.deepEqual(logs.map((record) => [record.severityText, record.body]), [['INFO', 'a menu for pirates']]);
      assert.equal(whole.spans[logs[0].spanId].displayName, 'menu');
      await daemon.stop();
    });
});

describe('what the daemon itself logs', () => {
  it('is read back with its trace, by severity, and survives the daemon', async () => {
    const first = await start({ modules: ['demo'] });
    const answer = await fetch(`http://${first.reflection}/api/runAction`, { method: 'POST', body: JSON.stringify({ key: '/flow/steps', input: { text: 'one two' } }) });
    const { telemetry: { traceId } } = await answer.json();
    const path = `/api/traces/${traceId}/logs`;
    await until(async () => (await json(first.reflection, path)).logs.length, 'the record');
    await first.stop();
    const second = await start({ modules: ['demo'], cwd: first.cwd });
    const { logs: [record] } = await json(second.reflection, path);
    assert.equal(record.body, 'counted 2 words');
    assert.equal(record.severityText, 'INFO');
    assert.deepEqual(record.attributes, { component: 'steps', words: 2 });
    assert.equal(record.instrumentationLibrary.name, 'genkitd');
    const trace = await json(second.reflection, `/api/traces/${traceId}`);
    assert.equal(trace.spans[record.spanId].displayName, 'steps');
    assert.deepEqual((await json(second.reflection, `${path}?severityNumber=13`)).logs, []);
    await second.stop();
  });
});
