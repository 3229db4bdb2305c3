// Conversations and kill -9: every turn that was answered is there, no session is stuck, none is half of itself.
// CRASH_ROUNDS (3) times; `make crash` asks for 200.
import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, it } from 'node:test';
import { project, slack, start } from './lib/daemon.mjs';

const rounds = Number(process.env.CRASH_ROUNDS ?? 3);
const clients = 30;

function post(agent, at, path, body) {
  const [host, port] = at.split(':');
  const text = JSON.stringify(body);
  return new Promise((done, fail) => {
    const request = http.request({ agent, host, port, method: 'POST', path, headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) } }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (data) => (answer += data)).on('error', fail).on('aborted', () => fail(new Error('aborted')));
      response.on('end', () => (response.complete ? done(JSON.parse(answer)) : fail(new Error('cut'))));
    });
    request.on('error', fail);
    request.end(text);
  });
}

const turn = (agent, at, sessionId, text, more = {}) =>
  post(agent, at, '/agents/inn', { init: { sessionId }, data: { message: { role: 'user', content: [{ text }] }, ...more } });

/** One guest, until the daemon has gone: `talk` knows how many turns were answered, and by which snapshot. */
async function guest(at, talk, until) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  try {
    while (!until.reached) {
      const { result } = await turn(agent, at, talk.sessionId, `turn ${talk.turns + 1}`);
      assert.equal(result.finishReason, 'stop', JSON.stringify(result));
      talk.turns++;
      talk.snapshotId = result.snapshotId;
    }
    talk.detached = (await turn(agent, at, talk.sessionId, 'prepare 900', { detach: true })).result.snapshotId;
  } catch (error) {
    if (!until.reached) throw error; // it should not have failed yet
  } finally {
    agent.destroy();
  }
}

/** What is there of a talk: all that was answered, and at most one turn more; whole; and it goes on. */
async function verify(agent, at, talk) {
  const look = async (data) => (await post(agent, at, '/agents/inn/getSnapshot', { data })).result;
  if (talk.snapshotId) assert.equal((await look({ snapshotId: talk.snapshotId })).status, 'completed');
  if (talk.detached) assert.match((await look({ snapshotId: talk.detached })).status, /^(failed|expired)$/);
  const { result } = await turn(agent, at, talk.sessionId, 'Are you there?');
  assert.equal(result.finishReason, 'stop', JSON.stringify(result));
  const number = Number(/number (\d+)/.exec(result.message.content[0].text)[1]) - 1; // of turns before
  assert.ok(number === talk.turns || number === talk.turns + 1, `${number} turns are left of ${talk.turns}`);
  const { state } = await look({ snapshotId: result.snapshotId });
  state.messages.forEach(({ role, content }, i) => {
    assert.equal(role, i % 2 ? 'model' : 'user');
    if (i < 2 * number) assert.match(content[0].text, new RegExp(`turn ${Math.floor(i / 2) + 1}\\b`));
  });
}

describe('a daemon that is killed in the middle of turns', () => {
  it(`loses no turn that was answered, ${rounds} times`, { timeout: (20000 + rounds * 10000) * slack }, async () => {
    const cwd = project();
    let talks = [], all = 0;
    for (let round = 0; round <= rounds; round++) {
      const daemon = await start({ cwd, modules: ['inn'], set: { 'log.level': 'error' } });
      const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
      await Promise.all(talks.map((talk) => verify(agent, daemon.flows, talk)));
      agent.destroy();
      if (round === rounds) {
        await daemon.stop();
        break;
      }
      talks = Array.from({ length: clients }, (_, i) => ({ sessionId: `${round}-${i}`, turns: 0 }));
      const until = { reached: false };
      const running = Promise.all(talks.map((talk) => guest(daemon.flows, talk, until)));
      await new Promise((done) => setTimeout(done, 50 + Math.random() * 450));
      until.reached = true;
      await new Promise((done) => setTimeout(done, Math.random() * 5)); // some are being let go
      daemon.child.kill('SIGKILL');
      await Promise.all([running, daemon.exited]);
      all += talks.reduce((sum, { turns }) => sum + turns, 0);
    }
    assert.ok(all > rounds * clients, `only ${all} turns`);
    console.log(`# ${all} turns, ${rounds} kills`);
  });
});
