// The real genkit-cli against the daemon: discovered by its runtime file, started by the CLI, and over the WebSocket of
// reflection v2.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { build, environment, genkitd, mind, project, root, start, until } from './lib/daemon.mjs';
import { freePort, genkit, missing, tools } from './lib/clients.mjs';

const module = (name) => ['--module', join(build, 'modules', `${name}.so`)];
const anyPort = ['--set', 'server.listen=127.0.0.1:0'];

/** What eval:flow wrote, in the order of the ids: [id, output, reference, status]. */
function graded(cwd) {
  const rows = JSON.parse(readFileSync(join(cwd, 'graded.json'), 'utf8'));
  for (const { error, traceIds } of rows) assert.equal(traceIds.length, error ? 0 : 1);
  return rows.map((row) => [row.testCaseId, row.output, row.reference, row.metrics?.[0]?.status]).sort();
}

describe('genkit-cli finds a running daemon', { skip: missing }, () => {
  let daemon;
  before(async () => (daemon = await start({ modules: ['demo'] })));
  after(() => daemon.stop());

  it('flow:run prints the result', async () => {
    const { stdout, stderr } = await genkit(['flow:run', 'hello', '{"name":"Ada"}'], { cwd: daemon.cwd });
    assert.match(stdout + stderr, /Result:\s+Hello, Ada!/);
  });
  it('flow:run -s prints the chunks and the result', async () => {
    const { stdout, stderr } = await genkit(['flow:run', '-s', 'countdown', '{"from":3,"pauseMs":10}'], { cwd: daemon.cwd });
    const text = stdout + stderr;
    for (const n of [3, 2, 1]) assert.match(text, new RegExp(`"count":\\s*${n}`));
    assert.match(text, /Result:\s+liftoff/);
  });
  it('flow:run -c hands the context on', async () => {
    const other = await start();
    const { stdout, stderr } = await genkit(['flow:run', 'ctx', '-c', '{"auth":{"uid":"u1"}}'], { cwd: other.cwd });
    assert.match(stdout + stderr, /"uid":\s*"u1"/);
    await other.stop();
  });
  it('flow:run shows why a flow failed', async () => {
    const { stdout, stderr } = await genkit(['flow:run', 'fail', '{"status":"NOT_FOUND","message":"no such dish"}'], { cwd: daemon.cwd });
    assert.match(stdout + stderr, /NOT_FOUND: no such dish/);
  });
  it('flow:batchRun runs every line of a file', async () => {
    writeFileSync(join(daemon.cwd, 'in.json'), JSON.stringify([{ name: 'A' }, { name: 'B' }, { name: 'C' }]));
    await genkit(['flow:batchRun', 'hello', 'in.json', '--label', 'night', '--output', 'out.json'], { cwd: daemon.cwd });
    const text = readFileSync(join(daemon.cwd, 'out.json'), 'utf8');
    for (const name of ['A', 'B', 'C']) assert.ok(text.includes(`Hello, ${name}!`), text);
  });
  it('eval:run scores a dataset with an evaluator', async () => {
    const cases = [
      { testCaseId: 'short', input: 'a?', output: 'Yes.' },
      { testCaseId: 'long', input: 'b?', output: 'x'.repeat(41) },
      { testCaseId: 'none', input: 'c?', output: 5 },
    ];
    writeFileSync(join(daemon.cwd, 'cases.json'), JSON.stringify(cases));
    await genkit(['eval:run', 'cases.json', '--force', '--evaluators', 'demo/brevity', '--output', 'scores.json'], { cwd: daemon.cwd });
    const scores = JSON.parse(readFileSync(join(daemon.cwd, 'scores.json'), 'utf8'));
    const metric = (id) => scores.find((one) => one.testCaseId === id).metrics[0];
    assert.equal(metric('short').score, 4);
    assert.equal(metric('short').status, 'PASS');
    assert.equal(metric('long').status, 'FAIL');
    assert.match(metric('none').error, /the output is no text/);
    assert.match(metric('short').traceId, /^[0-9a-f]{32}$/);
  });
  it('eval:flow runs a flow on a dataset and scores what it gave', async () => {
    writeFileSync(join(daemon.cwd, 'guests.json'), JSON.stringify([
      { testCaseId: 'ada', input: { name: 'Ada' }, reference: 'Hello' },
      { testCaseId: 'long', input: { name: 'x'.repeat(60) } },
      { testCaseId: 'nobody', input: { name: 5 } },
    ]));
    await genkit(['eval:flow', 'hello', '--input', 'guests.json', '--force', '--evaluators', 'demo/brevity', '--output', 'graded.json'], { cwd: daemon.cwd });
    assert.deepEqual(graded(daemon.cwd), [
      ['ada', 'Hello, Ada!', 'Hello', 'PASS'],
      ['long', `Hello, ${'x'.repeat(60)}!`, undefined, 'FAIL'],
      ['nobody', undefined, undefined, undefined],
    ]);
  });
  it('the runtime file is there while the daemon lives, and gone after', async () => {
    const other = await start();
    const folder = join(other.cwd, '.genkit/runtimes');
    const [file] = readdirSync(folder);
    const runtime = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    assert.equal(runtime.pid, other.pid);
    assert.equal(runtime.reflectionServerUrl, `http://${other.reflection}`);
    assert.equal(runtime.reflectionApiSpecVersion, 1);
    assert.match(runtime.genkitVersion, /^c\//);
    assert.ok(!Number.isNaN(Date.parse(runtime.timestamp)));
    await other.stop();
    assert.deepEqual(readdirSync(folder), []);
  });
});

for (const [title, more] of [['v1', []], ['v2', ['--experimental-reflection-v2']]])
  describe(`genkit start -- genkitd, ${title}`, { skip: missing }, () => {
    let ui, cwd;
    before(async () => {
      cwd = project();
      ui = await tools([genkitd, ...module('testapp'), ...anyPort], { cwd, port: await freePort(), args: more });
    });
    after(() => ui?.stop());

    it('lists the actions', async () => {
      const actions = await ui.query('listActions', {});
      assert.equal(actions['/flow/greet'].name, 'greet');
      assert.deepEqual(actions['/tool/weather'].metadata, { type: 'tool' });
      assert.ok(actions['/dynamic-action-provider/dap:tool/dyn']);
    });
    it('runs an action', async () => {
      const response = await ui.post('/runAction', { key: '/flow/greet', input: { name: 'Eve' } });
      const body = await response.json();
      assert.deepEqual(body.result, { message: 'hello Eve' });
      assert.match(body.telemetry.traceId, /^[0-9a-f]{32}$/);
    });
    it('streams an action', async () => {
      const response = await ui.post('/streamAction', { key: '/flow/streamy', input: 3 });
      const lines = (await response.text()).trim().split('\n').map((l) => JSON.parse(l));
      assert.deepEqual(lines.slice(0, 3), [{ count: 0 }, { count: 1 }, { count: 2 }]);
      assert.equal(lines.at(-1).result, 'done 3, streamed: 3 times');
    });
    it('reports a failure with code, message and trace', async () => {
      const response = await ui.post('/runAction', { key: '/flow/throwyStatus' });
      const text = await response.text();
      assert.match(text, /NOT_FOUND: no such widget/);
    });
    it('cancels a run by its trace id', async () => {
      const response = await ui.post('/streamAction', { key: '/flow/slow', input: 60000 });
      const traceId = response.headers.get('x-genkit-trace-id');
      const reader = response.body.getReader();
      const first = new TextDecoder().decode((await reader.read()).value);
      assert.match(first, /"start"/);
      const id = traceId ?? JSON.parse(first.split('\n').find((l) => l.includes('traceId')) ?? '{}').traceId;
      assert.match(id ?? '', /^[0-9a-f]{32}$/);
      await ui.mutate('cancelAction', { traceId: id });
      let rest = first;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        rest += new TextDecoder().decode(value);
      }
      assert.match(rest, /Action was cancelled/);
    });
    if (title === 'v2')
      it('feeds a bidi action', async () => {
        const response = await ui.post('/streamAction?bidi=true', { key: '/flow/bidi', init: { p: '>' } });
        const traceId = response.headers.get('x-genkit-trace-id');
        const reader = response.body.getReader();
        for (const chunk of ['a', 'b']) assert.equal((await ui.post('/sendBidiInput', { traceId, chunk })).status, 200);
        assert.equal((await ui.post('/endBidiInput', { traceId })).status, 200);
        let text = '';
        for (;;) {
          const { done, value } = await reader.read();
          if (done) break;
          text += new TextDecoder().decode(value);
        }
        const lines = text.trim().split('\n').map((l) => JSON.parse(l));
        assert.deepEqual(lines.filter((l) => typeof l === 'string'), ['>a', '>b']);
        assert.equal(lines.at(-1).result, 'got 2');
      });
    it('stops the daemon with the CLI', async () => {
      const [runtime] = await ui.query('getActiveRuntimes');
      assert.ok(runtime.pid > 0);
      await ui.stop();
      await until(() => !existsSync(`/proc/${runtime.pid}`), 'the daemon ends');
      ui = undefined;
    });
  });

describe('genkit CMD -- genkitd runs the daemon for one command, over v2', { skip: missing }, () => {
  const command = ['--', genkitd, ...module('demo'), ...anyPort];

  it('flow:run', async () => {
    const { stdout, stderr } = await genkit(['flow:run', 'hello', '{"name":"v2"}', ...command], { cwd: project() });
    assert.match(stdout + stderr, /Result:\s+Hello, v2!/);
  });
  it('eval:flow', async () => {
    const cwd = project({ 'guests.json': '[{"testCaseId": "ada", "input": {"name": "Ada"}}, {"testCaseId": "nobody", "input": {"name": 5}}]' });
    await genkit(['eval:flow', 'hello', '--input', 'guests.json', '--force', '--evaluators', 'demo/brevity', '--output', 'graded.json', ...command], { cwd });
    assert.deepEqual(graded(cwd), [['ada', 'Hello, Ada!', undefined, 'PASS'], ['nobody', undefined, undefined, undefined]]);
  });
  it('flow:run -s', async () => {
    const { stdout, stderr } = await genkit(['flow:run', '-s', 'countdown', '{"from":2,"pauseMs":10}', ...command], { cwd: project() });
    assert.match(stdout + stderr, /"count":\s*2[^]*"count":\s*1[^]*Result:\s+liftoff/);
  });
});

describe('dev:test-model holds the models of the demo to what a model must do', { skip: missing }, () => {
  let daemon;
  before(async () => (daemon = await start({ modules: ['demo', 'kitchen'] })));
  after(() => daemon.stop());

  const abilities = ['tool-request', 'structured-output', 'multiturn', 'streaming-tool-request', 'streaming-structured-output', 'streaming-multiturn'];
  it('all that the cook says it can', async () => {
    const { stdout, stderr } = await genkit(['dev:test-model', 'kitchen/cook', '--supports', abilities.join(',')], { cwd: daemon.cwd });
    assert.match(stdout + stderr, /Tests Completed: 6 Passed, 0 Failed/);
  });
  it('cases of a file; what is not so fails', async () => {
    const input = { messages: [{ role: 'user', content: [{ text: 'hi' }] }] };
    const cases = (...validators) => validators.map((one) => ({ name: one, input, validators: [one], stream: one.startsWith('stream-') }));
    writeFileSync(join(daemon.cwd, 'models.json'), JSON.stringify([
      { model: 'test/echo', supports: ['multiturn'], tests: cases('text-starts-with:Echo: hi', 'stream-text-includes:321', 'text-includes:soup') },
      { model: 'kitchen/cook', tests: cases('text-includes:soup', 'stream-text-includes:soup') },
    ]));
    const { stdout, stderr, code } = await genkit(['dev:test-model', '--from-file', 'models.json'], { cwd: daemon.cwd });
    assert.match(stdout + stderr, /Failed: text-includes:soup/);
    assert.match(stdout + stderr, /Tests Completed: 5 Passed, 1 Failed/);
    assert.equal(code, 1);
  });
});

describe('genkit start --noui -- genkitd', { skip: missing }, () => {
  it('the daemon registers and answers the CLI', async () => {
    const cwd = project();
    const cli = mind(spawn(join(root, 'tests/e2e/node_modules/.bin/genkit'),
      ['start', '--noui', '--no-update-notification', '--non-interactive', '--', genkitd, ...module('demo'), ...anyPort],
      { cwd, env: environment({ HOME: cwd }), stdio: 'ignore', detached: true }), true);
    try {
      const folder = join(cwd, '.genkit/runtimes');
      await until(() => existsSync(folder) && readdirSync(folder).length > 0, 'the runtime file appears');
      const { stdout, stderr } = await genkit(['flow:run', 'hello', '{"name":"Noui"}'], { cwd });
      assert.match(stdout + stderr, /Result:\s+Hello, Noui!/);
    } finally {
      try { process.kill(-cli.pid, 'SIGTERM'); } catch { /* gone */ }
      await new Promise((r) => setTimeout(r, 500));
      try { process.kill(-cli.pid, 'SIGKILL'); } catch { /* gone */ }
    }
  });
});
