// Sessions survive: the daemon is killed in the middle of turns, and what a client was told of is there, nothing is half
// there, and nothing is stuck. CRASH_ROUNDS (3) times; `make crash` asks for 200.
import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, it } from 'node:test';
import { project, slack, start } from './lib/daemon.mjs';

const rounds = Number(process.env.CRASH_ROUNDS ?? 3);
const clients = 20;

function call(agent, at, path, body) {
  const [host, port] = at.split(':');
  return new Promise((done, fail) => {
    const text = JSON.stringify(body);
    const request = http.request({ agent, host, port, method: 'POST', path, headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) } }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (data) => (answer += data)).on('error', fail).on('aborted', () => fail(new Error('aborted')));
      response.on('end', () => (response.complete ? done(JSON.parse(answer)) : fail(new Error('cut'))));
    });
    request.on('error', fail);
    request.end(text);
  });
}

const run = async (agent, at, key, input, init) => {
  const answer = await call(agent, at, '/api/runAction', { key, input, init });
  assert.ok(answer.result, JSON.stringify(answer));
  return answer.result;
};
const message = (text) => ({ message: { role: 'user', content: [{ text }] } });

/** One client with a session of its own; `known` is what it was told last: {turns, snapshotId}. */
async function client(name, at, known, until) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  try {
    while (!until.reached) {
      known.asked = known.turns + 1; // may be committed although nobody heard of it
      const result = await run(agent, at, '/agent/counter', message(`turn ${known.asked}`), { sessionId: name });
      assert.equal(result.finishReason, 'stop', JSON.stringify(result));
      assert.equal(result.message.content[0].text, `That was number ${known.asked}.`);
      known.turns = known.asked;
      known.snapshotId = result.snapshotId;
      if (Math.random() < 0.05) { // a run that nobody waits for: it is under way when the daemon is killed
        const detached = await run(agent, at, '/agent/sleeper', { ...message('later'), detach: true }, {});
        assert.equal(detached.finishReason, 'detached');
        known.detached.push(detached.snapshotId);
      }
    }
  } catch (error) {
    if (!until.reached) throw error;
  } finally {
    agent.destroy();
  }
}

/** After a kill: each session goes on where its client was told it is, or one turn later. */
async function verify(at, sessions) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  await Promise.all(Object.entries(sessions).map(async ([name, known]) => {
    if (!known.asked) return;
    if (known.snapshotId) {
      const told = await run(agent, at, '/agent-snapshot/counter', { snapshotId: known.snapshotId });
      assert.equal(told.status, 'completed');
      assert.equal(told.state.custom.told, known.turns);
    }
    const answer = await call(agent, at, '/api/runAction', { key: '/agent-snapshot/counter', input: { sessionId: name } });
    if (known.turns) assert.ok(answer.result, `${name} is lost: ${JSON.stringify(answer)}`);
    if (answer.result) {
      const { state, status } = answer.result;
      assert.equal(status, 'completed');
      assert.ok([known.turns, known.asked].includes(state.custom.told), `${name}: told of ${known.turns}, has ${state.custom.told}`);
      assert.equal(state.messages.length, 2 * state.custom.told);
      state.messages.forEach(({ role, content }, i) => assert.equal(content[0].text,
        role === 'user' ? `turn ${i / 2 + 1}` : `That was number ${(i + 1) / 2}.`));
      known.turns = state.custom.told;
      known.snapshotId = answer.result.snapshotId;
    }
    for (const id of known.detached.splice(0)) {
      const row = await run(agent, at, '/agent-snapshot/sleeper', { snapshotId: id });
      assert.equal(row.status, 'failed', `${id} is stuck: ${JSON.stringify(row)}`);
      assert.match(row.error.message, /process that ran this turn ended/);
    }
  }));
  const check = await call(agent, at, '/api/store/check', {});
  agent.destroy();
  assert.deepEqual(check, { ok: true, messages: [] });
}

describe('a daemon that is killed in the middle of turns', () => {
  it(`loses no session, leaves none half-written and none stuck, ${rounds} times`, { timeout: (20000 + rounds * 10000) * slack }, async () => {
    const cwd = project();
    const sessions = Object.fromEntries(Array.from({ length: clients }, (_, i) => [`session ${i}`, { turns: 0, detached: [] }]));
    for (let round = 0; round <= rounds; round++) {
      const daemon = await start({ cwd, modules: ['talk'], set: { 'log.level': 'error', 'server.idle_timeout': '1h' } });
      await verify(daemon.reflection, sessions);
      if (round === rounds) {
        await daemon.stop();
        break;
      }
      const until = { reached: false };
      const running = Promise.all(Object.entries(sessions).map(([name, known]) => client(name, daemon.reflection, known, until)));
      await new Promise((done) => setTimeout(done, 50 + Math.random() * 450));
      until.reached = true;
      daemon.child.kill('SIGKILL');
      await Promise.all([running, daemon.exited]);
    }
    const turns = Object.values(sessions).reduce((sum, { turns }) => sum + turns, 0);
    assert.ok(turns > rounds * clients, `only ${turns} turns`);
    console.log(`# ${turns} turns, ${rounds} kills`);
  });
});
