// The demo's agent with Genkit's own agent client, unmodified, and with the CLI: a stay of several turns, and what is kept.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { join } from 'node:path';
import { freePort, missing, tools } from './lib/clients.mjs';
import { build, genkitd, project, root, slack, start } from './lib/daemon.mjs';
import { plain, say, sdkInn, stay } from './lib/inn.mjs';

describe('an agent and its client', { skip: missing }, () => {
  let daemon, client, inn;
  const modules = ['inn'];
  before(async () => {
    daemon = await start({ modules });
    client = await import('genkit/beta/client');
    inn = client.remoteAgent({ url: `http://${daemon.flows}/agents/inn` });
  });
  after(() => daemon.stop());

  it('a stay goes as with the SDK: talk, tool, state, restart, answer', async () => {
    const theirs = await sdkInn();
    const expected = await stay(client.remoteAgent({ url: theirs.url }));
    await theirs.stop();
    const { chat, log } = await stay(inn);
    assert.deepEqual(plain(log), plain(expected.log));
    assert.deepEqual(chat.messages, expected.chat.messages);
    const kept = await inn.loadChat({ sessionId: chat.sessionId });
    assert.equal(kept.snapshotId, chat.snapshotId);
    assert.deepEqual(kept.state, { nights: 9 });
  });
  it('it branches from an earlier snapshot', async () => {
    const chat = inn.chat();
    await chat.send('one');
    const { snapshotId } = chat;
    await chat.send('two');
    const other = inn.chat({ snapshotId });
    assert.match((await other.send('three')).text, /"three", and that was number 2/);
    assert.match((await chat.send('four')).text, /number 3/);
  });
  it('a forged answer fails the turn, and the talk goes on from before', async () => {
    const chat = inn.chat();
    const { interrupts } = await chat.send('book 7');
    const forged = { ...interrupts[0].restart(), metadata: { resumed: true } };
    forged.toolRequest.input = { nights: 1 };
    await assert.rejects(chat.resume({ restart: [forged] }), (error) => error.status === 'INVALID_ARGUMENT' && /modified inputs/.test(error.message));
    const approved = await chat.resume({ restart: [{ toolRequest: { ...forged.toolRequest, input: { nights: 7 } }, metadata: { resumed: true } }] });
    assert.equal(approved.text, 'It is booked.');
  });
  it('misuse keeps its status', async () => {
    await assert.rejects(inn.chat({ state: {} }).send('x'), (error) => error.status === 'FAILED_PRECONDITION' && /server-managed store/.test(error.message));
    await assert.rejects(inn.chat({ snapshotId: 'nope' }).send('x'), (error) => error.status === 'NOT_FOUND');
    await assert.rejects(inn.loadChat({ snapshotId: 'nope' }), /404/);
  });
  it('a client that hangs up cancels its turn', async () => {
    const chat = inn.chat();
    await chat.send('hello');
    const { snapshotId } = chat, t0 = performance.now();
    const turn = chat.sendStream('prepare 900');
    const heard = (async () => { for await (const _ of turn.stream); })();
    heard.catch(() => {}); // the client's stream rejects, though it was asked to stop
    setTimeout(() => turn.abort(), 100);
    assert.equal((await turn.response).finishReason, 'aborted');
    assert.ok(performance.now() - t0 < 5000 * slack);
    assert.equal((await inn.loadChat({ sessionId: chat.sessionId })).snapshotId, snapshotId); // nothing was written
  });
  it('a detached run goes on by itself, and is waited for', async () => {
    const chat = inn.chat();
    await chat.send('hello');
    const task = await chat.detach('prepare 3');
    assert.equal((await inn.getSnapshot(task.snapshotId)).status, 'pending');
    const done = await task.wait({ intervalMs: 20 });
    assert.equal(done.status, 'completed');
    assert.equal(done.state.messages.at(-1).content[0].text, 'Your room is ready.');
    assert.match((await chat.send('thanks')).text, /number 3/);
  });
  it('a detached run is aborted', async () => {
    const chat = inn.chat();
    const task = await chat.detach('prepare 900');
    assert.equal(await task.abort(), 'pending');
    assert.equal((await task.wait({ intervalMs: 20 })).status, 'aborted');
    assert.equal(await task.abort(), 'aborted');
    assert.equal(await inn.abort('nope'), undefined);
  });
});

describe('an agent with durable streams', { skip: missing }, () => {
  it('goes on without its client, which comes back for all of it', async () => {
    const daemon = await start({ modules: ['inn'], set: { 'server.durable_streams': 'true' } });
    const { streamFlow } = await import('genkit/beta/client');
    const url = `http://${daemon.flows}/agents/inn`;
    const ask = { method: 'POST', headers: { Accept: 'text/event-stream' }, body: JSON.stringify({ init: { sessionId: 's' }, data: message('prepare 5') }) };
    const first = await fetch(url, ask);
    const streamId = first.headers.get('x-genkit-stream-id');
    await first.body.cancel(); // in the middle of the turn
    const { stream, output } = streamFlow({ url, streamId });
    const words = [];
    for await (const { modelChunk } of stream) if (modelChunk) words.push(modelChunk.content[0].text);
    assert.equal(words.join(''), 'Your room is ready.');
    assert.equal((await output).finishReason, 'stop');
    await daemon.stop();
  });
});

describe('an agent of the configuration', () => {
  it('is a prompt under a name and a prefix of its own', async () => {
    const daemon = await start({ modules: ['inn'], set: { agents: [{ name: 'night', prompt: 'porter', state: 'client' }],
      prompts: [{ directory: join(root, 'etc/demo/prompts') }], 'server.agents_prefix': 'bots/' } });
    const turn = (path, init) => fetch(`http://${daemon.flows}/${path}`, { method: 'POST', body: JSON.stringify({ init, data: message('Hello?') }) });
    const { result: first } = await (await turn('bots/night')).json();
    const { result: second } = await (await turn('night', { state: first.state })).json();
    assert.match(second.message.content[0].text, /number 2/);
    assert.equal((await turn('bots/porter')).status, 200);
    assert.equal((await turn('agents/night')).status, 404);
    await daemon.stop();
  });
});

const message = (text) => ({ message: { role: 'user', content: [{ text }] } });

for (const [title, more] of [['v1', []], ['v2', ['--experimental-reflection-v2']]])
  describe(`an agent in the tools of genkit-cli, ${title}`, { skip: missing }, () => {
    let ui;
    before(async () => {
      ui = await tools([genkitd, '--dev', '--module', join(build, 'modules/inn.so'), '--set', 'server.listen=127.0.0.1:0'],
        { cwd: project(), port: await freePort(), args: more });
    });
    after(() => ui?.stop());
    const run = async (key, input, init) => (await ui.post('/runAction', { key, input, init })).json();

    it('its runner finds the agent and its companions', async () => {
      const actions = await ui.query('listActions', {});
      assert.deepEqual(actions['/agent/inn'].metadata.bidi, true);
      assert.equal(actions['/agent/inn'].metadata.agent.stateManagement, 'server');
      assert.equal(actions['/agent/inn'].metadata.agent.abortable, true);
      assert.ok(actions['/agent-snapshot/inn'] && actions['/agent-abort/inn']);
    });
    it('takes turns one by one, with an approval in between', async () => {
      const { result: one } = await run('/agent/inn', message('hello'), {});
      const { result: two } = await run('/agent/inn', message('book 9'), { snapshotId: one.snapshotId });
      assert.equal(two.finishReason, 'interrupted');
      const { toolRequest } = two.message.content[0];
      const { result: three } = await run('/agent/inn', { resume: { restart: [{ toolRequest, metadata: { resumed: true } }] } }, { snapshotId: two.snapshotId });
      assert.equal(three.message.content[0].text, 'It is booked.');
      const { result: kept } = await run('/agent-snapshot/inn', { sessionId: one.sessionId });
      assert.deepEqual([kept.snapshotId, kept.parentId, kept.state.custom], [three.snapshotId, two.snapshotId, { nights: 9 }]);
      assert.match((await run('/agent-snapshot/inn', { snapshotId: 'nope' })).error.message, /NOT_FOUND: Snapshot 'nope' not found for agent 'inn'/);
      assert.deepEqual((await run('/agent-abort/inn', { snapshotId: three.snapshotId })).result, { snapshotId: three.snapshotId, status: 'completed' });
    });
    if (more.length)
      it('keeps a stream of inputs open, and lets go of it with a detach', async () => {
        const response = await ui.post('/streamAction?bidi=true', { key: '/agent/inn', init: {} });
        const traceId = response.headers.get('x-genkit-trace-id');
        const lines = response.body.pipeThrough(new TextDecoderStream()).getReader();
        let text = '';
        const heard = async (what) => { while (!text.includes(what)) text += (await lines.read()).value; };
        const tell = async (chunk) => assert.equal((await ui.post('/sendBidiInput', { traceId, chunk })).status, 200);
        await tell(message('hello'));
        await heard('turnEnd');
        await tell(message('prepare 3'));
        await tell({ detach: true });
        for (let part; !(part = await lines.read()).done;) text += part.value;
        const { result } = JSON.parse(text.trim().split('\n').at(-1));
        assert.equal(result.finishReason, 'detached');
        let snapshot;
        do ({ result: snapshot } = await run('/agent-snapshot/inn', { snapshotId: result.snapshotId }));
        while (snapshot.status === 'pending');
        assert.equal(snapshot.status, 'completed');
        assert.equal(snapshot.state.messages.at(-1).content[0].text, 'Your room is ready.');
      });
  });

describe('a daemon with agents that is killed', { skip: missing }, () => {
  it('keeps the talk, tells what became of the detached run, and goes on', async () => {
    const cwd = project(), { remoteAgent } = await import('genkit/beta/client');
    let daemon = await start({ cwd, modules: ['inn'] });
    let inn = remoteAgent({ url: `http://${daemon.flows}/agents/inn` });
    const { chat } = await stay(inn);
    const { messages } = await inn.loadChat({ sessionId: chat.sessionId });
    const branch = inn.chat({ snapshotId: chat.snapshotId });
    const task = await branch.detach('prepare 900');
    daemon.child.kill('SIGKILL');
    await daemon.exited;
    daemon = await start({ cwd, modules: ['inn'] });
    inn = remoteAgent({ url: `http://${daemon.flows}/agents/inn` });
    const lost = await inn.getSnapshot(task.snapshotId);
    assert.equal(lost.status, 'failed');
    const kept = await inn.loadChat({ snapshotId: chat.snapshotId });
    assert.deepEqual(kept.messages, messages);
    assert.deepEqual(kept.state, { nights: 9 });
    const again = inn.chat({ sessionId: chat.sessionId }); // walks back over what was lost
    const { told } = await say(again, 'I am back');
    assert.match(told.text, /"I am back", and that was number 7/);
    await daemon.stop();
    const ui = await tools([genkitd, '--dev', '--module', join(build, 'modules/inn.so'), '--set', 'server.listen=127.0.0.1:0'],
      { cwd, port: await freePort() });
    const body = { key: '/agent/inn', input: message('and by the tools'), init: { snapshotId: again.snapshotId } };
    const { result } = await (await ui.post('/runAction', body)).json();
    await ui.stop();
    assert.match(result.message.content[0].text, /"and by the tools", and that was number 8/);
    assert.equal(result.sessionId, chat.sessionId);
  });
});
