// What the Dev UI's pages ask of a daemon through the tools server of genkit-cli: every call it has, on reflection v1 and v2,
// with traces kept by the tools and with traces kept by the daemon.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort, missing, tools } from './lib/clients.mjs';
import { build, genkitd, project, root, start, until } from './lib/daemon.mjs';

const ask = (text) => ({ messages: [{ role: 'user', content: [{ text }] }] });
const modules = ['demo', 'kitchen', 'inn'].flatMap((name) => ['--module', join(build, 'modules', `${name}.so`)]);
const command = [genkitd, ...modules, '--set', 'server.listen=127.0.0.1:0', '--set', `prompts=[{directory: ${join(root, 'etc/demo/prompts')}}]`];

/** The lines of a stream: chunks, and what stands last. */
async function lines(response) {
  const all = (await response.text()).trim().split('\n').map((line) => JSON.parse(line));
  return { chunks: all.slice(0, -1), last: all.at(-1) };
}

for (const [title, args, keeps] of [['v1', [], false], ['v2', ['--experimental-reflection-v2'], false], ['v1, traces of the daemon', [], true]])
  describe(`the Dev UI, ${title}`, { skip: missing }, () => {
    let ui, keeper;
    before(async () => {
      keeper = keeps ? await start({ modules: [] }) : null;
      ui = await tools(command, { cwd: project(), port: await freePort(), args, env: keeper ? { GENKIT_TELEMETRY_SERVER: `http://${keeper.reflection}` } : {} });
    });
    after(async () => {
      await ui?.stop();
      await keeper?.stop();
    });
    const run = async (key, input, more) => (await ui.post('/runAction', { key, input, ...more })).json();
    const stream = async (key, input) => lines(await ui.post('/streamAction', { key, input }));
    const trace = (traceId) => until(async () => {
      const one = await ui.query('getTrace', { traceId }).catch(() => null);
      return one?.endTime && one;
    }, 'the trace');

    it('lists what there is, each kind with what its page needs', async () => {
      const actions = await ui.query('listActions', {});
      assert.equal(actions['/flow/hello'].inputSchema.properties.name.type, 'string');
      assert.equal(actions['/model/kitchen/cook'].metadata.model.supports.tools, true);
      assert.ok(actions['/util/generate'] && actions['/executable-prompt/dish'] && actions['/prompt/dish']);
      assert.equal(actions['/evaluator/demo/brevity'].metadata.evaluator.evaluatorDisplayName.length > 0, true);
      assert.equal(actions['/agent/inn'].metadata.bidi, true);
      assert.equal(typeof await ui.query('listValues', { type: 'defaultModel' }), 'object');
      assert.equal(typeof await ui.query('listValues', { type: 'middleware' }), 'object');
    });
    it('runs a flow and shows its trace, live and after', async () => {
      const { result, telemetry } = await run('/flow/steps', { text: 'one two' }, { telemetryLabels: { 'genkitx:ui': '1' } });
      assert.deepEqual(result, { loud: 'ONE TWO', words: 2 });
      const { spans, displayName } = await trace(telemetry.traceId);
      assert.equal(displayName, 'steps');
      assert.deepEqual(Object.values(spans).map((span) => span.displayName).sort(), ['count', 'shout', 'steps']);
      const live = (await ui.post('/streamTrace', { traceId: telemetry.traceId })).body.pipeThrough(new TextDecoderStream()).getReader();
      for (let shown = ''; !shown.includes('"displayName":"shout"');) shown += (await live.read()).value;
      await live.cancel();
    });
    it('streams a flow, a model, a prompt and generate', async () => {
      const flow = await stream('/flow/countdown', { from: 2, pauseMs: 1 });
      assert.deepEqual([flow.chunks, flow.last.result], [[{ count: 2 }, { count: 1 }], 'liftoff']);
      const model = await stream('/model/kitchen/cook', ask('hi'));
      assert.ok(model.chunks.length > 0 && model.last.result.message.content[0].text);
      const generated = await stream('/util/generate', { model: 'kitchen/cook', ...ask('weather'), tools: ['weather'], config: {} });
      assert.ok(generated.last.result.message.content[0].text, JSON.stringify(generated.last));
      const prompt = await run('/prompt/dish', { theme: 'pirate' });
      assert.equal(prompt.result.messages.at(-1).role, 'user');
      const { result } = await run('/util/generate', { model: 'kitchen/cook', messages: prompt.result.messages, output: prompt.result.output, config: {} });
      assert.match(result.message.content[0].text, /stew/);
      const executed = await run('/executable-prompt/dish', { theme: 'pirate' });
      assert.deepEqual(executed.result.messages, prompt.result.messages);
    });
    it('makes a prompt file of what was tried', async () => {
      const text = await ui.mutate('createPrompt', { model: 'kitchen/cook', ...ask('Hello {{name}}'), config: { temperature: 1 } });
      assert.match(text, /model: kitchen\/cook[^]*temperature: 1[^]*\{\{name\}\}/);
    });
    it('shows failures with their trace', async () => {
      const { error } = await run('/flow/fail', { status: 'NOT_FOUND', message: 'no such dish' });
      assert.match(error.message, /NOT_FOUND: no such dish/);
      const { spans } = await trace(error.details.traceId);
      assert.equal(Object.values(spans)[0].status.code, 2);
      const bad = await run('/flow/hello', { name: 5 });
      assert.match(bad.error.message, /must be string/);
      assert.ok((await run('/flow/nope')).error);
    });
    it('lists traces, by filter and page by page, and takes a trace', async () => {
      const page = await ui.query('listTraces', { limit: 2 });
      assert.equal(page.traces.length, 2);
      const next = await ui.query('listTraces', { limit: 2, continuationToken: page.continuationToken });
      assert.ok(next.traces.length > 0 && !page.traces.some(({ traceId }) => next.traces.some((one) => one.traceId === traceId)));
      const { traces } = await ui.query('listTraces', { filter: { eq: { type: 'flow', name: 'steps' } } });
      assert.deepEqual(traces.map((one) => one.displayName), ['steps']);
      const { traces: failed } = await ui.query('listTraces', { filter: { eq: { status: 2 } } });
      assert.ok(failed.length > 0 && failed.every((one) => Object.values(one.spans).some((span) => span.status?.code === 2)));
      const spanId = '00000000000000a1', traceId = '000000000000000000000000000000a1';
      await ui.mutate('addTrace', { traceId, displayName: 'given', startTime: 1, endTime: 2, spans: { [spanId]: { traceId, spanId, displayName: 'given',
        startTime: 1, endTime: 2, attributes: {}, instrumentationLibrary: { name: 'x' }, spanKind: 'INTERNAL' } } });
      assert.equal((await ui.query('getTrace', { traceId })).displayName, 'given');
    });
    it('lists the logs of a trace', async () => {
      const { telemetry } = await run('/flow/steps', { text: 'x' });
      const { logs } = await until(async () => {
        const answer = await ui.query('listLogs', { filter: { traceId: telemetry.traceId } });
        return answer.logs.length && answer;
      }, 'the log record');
      assert.match(JSON.stringify(logs), /counted 1 words/);
    });
    it('keeps datasets, checks them against a schema, and evaluates flow, model and prompt', async () => {
      const data = [{ testCaseId: 'a', input: { name: 'Ada' }, reference: 'Hi' }, { testCaseId: 'b', input: { name: 'x'.repeat(60) } }];
      const set = await ui.mutate('createDataset', { data, datasetType: 'FLOW', datasetId: 'guests', targetAction: '/flow/hello', metricRefs: [] });
      assert.equal(set.datasetId, 'guests');
      assert.equal((await ui.query('getDataset', 'guests')).length, 2);
      assert.equal((await ui.query('listDatasets'))[0].datasetId, 'guests');
      const valid = (name) => ui.mutate('validateDatasetSchema', { dataSource: { data: [{ testCaseId: 'v', input: { name } }] }, actionRef: '/flow/hello' });
      assert.equal((await valid('Ada')).valid, true);
      assert.match(JSON.stringify(await valid(5)), /must be string/);
      const evaluate = async (actionRef, dataSource, options) => {
        const key = await ui.mutate('runNewEvaluation', { actionRef, dataSource, evaluators: ['/evaluator/demo/brevity'], options });
        return (await ui.query('getEvalRun', { name: `evalRuns/${key.evalRunId}` })).results;
      };
      const graded = await evaluate('/flow/hello', { datasetId: 'guests' });
      assert.deepEqual(graded.map((one) => [one.testCaseId, one.metrics[0].status]).sort(), [['a', 'PASS'], ['b', 'FAIL']]);
      const [model] = await evaluate('/model/kitchen/cook', { data: [{ testCaseId: 'm', input: 'hello' }] }, { actionConfig: {} });
      assert.match(JSON.stringify(model.output), /soup/);
      assert.equal(model.metrics.length, 1);
      const [prompt] = await evaluate('/executable-prompt/dish', { data: [{ testCaseId: 'p', input: { theme: 'pirate' } }] },
        { actionConfig: { model: '/model/kitchen/cook' } });
      assert.match(JSON.stringify(prompt.output), /stew/);
      const { evalRunKeys } = await ui.query('listEvalRunKeys', {});
      assert.equal(evalRunKeys.length, 3);
      await ui.mutate('deleteEvalRun', { name: `evalRuns/${evalRunKeys[0].evalRunId}` });
      assert.equal((await ui.mutate('updateDataset', { datasetId: 'guests', data: data.slice(0, 1) })).version, 2);
      await ui.mutate('deleteDataset', 'guests');
    });
    it('cancels what runs', async () => {
      const response = await ui.post('/streamAction', { key: '/flow/slow', input: { seconds: 60 } });
      const traceId = response.headers.get('x-genkit-trace-id') ?? await until(async () => (await ui.query('listTraces', { limit: 5 })).traces
        .find((one) => one.displayName === 'slow')?.traceId, 'the run');
      await until(() => ui.mutate('cancelAction', { traceId }).then(() => true, () => false), 'it is cancelled');
      assert.match(JSON.stringify((await lines(response)).last.error), /cancel/i);
    });
    it('starts the daemon again and ends it', async () => {
      const [before] = await ui.query('getActiveRuntimes');
      assert.equal((await ui.query('getCurrentRuntime')).pid, before.pid);
      assert.equal((await ui.query('getAppProcessStatus')).status, 'running');
      await ui.query('restartAppProcess');
      const after = await until(async () => (await ui.query('getActiveRuntimes')).find((one) => one.pid !== before.pid), 'another daemon');
      assert.deepEqual((await until(async () => (await run('/flow/hello', { name: 'Bo' })), 'an answer')).result, 'Hello, Bo!');
      await ui.query('killAppProcess');
      await until(async () => !(await ui.query('getActiveRuntimes')).some((one) => one.pid === after.pid), 'it is gone');
    });
  });
