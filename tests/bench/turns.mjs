// What a turn of a long conversation costs beside one of a young conversation: the daemon as it comes, over HTTP, each turn a
// request of its own that names the session. Turns about the 10th of some sessions and about the 1,000th of others are taken by
// turns, so that whatever else the machine does falls on both. CPU is that of the whole process, with what it leaves for later.
//
//	node tests/bench/turns.mjs BUILD [AGENT...]
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join, resolve } from 'node:path';
import { spawnInFolder } from './folder.mjs';

const build = resolve(process.argv[2] ?? 'build');
const agents = process.argv.length > 3 ? process.argv.slice(3) : ['echo', 'guided', 'reply'];
const SESSIONS = 10, WINDOW = 5; // turns to each side of the 10th

/** Starts the daemon; tells on which port it serves. */
function launch(set) {
  const values = ['server.listen=127.0.0.1:0', 'log.level=info', ...set];
  const child = spawnInFolder(join(build, 'genkitd'), [...values.flatMap((value) => ['--set', value]), '--module', join(build, 'modules/bench.so')],
    { stdio: ['ignore', 'ignore', 'pipe'] });
  return new Promise((done, fail) => {
    let text = '';
    child.stderr.on('data', (d) => {
      text += d;
      const port = /127\.0\.0\.1:(\d+)/.exec(text)?.[1];
      if (port) done({ child, port });
    });
    child.on('exit', () => fail(new Error(`the daemon went: ${text}`)));
  });
}

/** Nanoseconds that all threads of a process have run. */
function cpuNs(pid) {
  let ns = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  return ns;
}

const keep = new Agent({ keepAlive: true, maxSockets: 1 });
function turn(port, agent, sessionId) {
  const body = JSON.stringify({ init: { sessionId }, data: { message: { role: 'user', content: [{ text: 'What do you think of this, all in all?' }] } } });
  return new Promise((done, fail) => {
    const req = request({ port, path: `/agents/${agent}`, method: 'POST', agent: keep, headers: { 'Content-Type': 'application/json' } }, (res) => {
      let text = '';
      res.on('data', (d) => (text += d)).on('end', () => (JSON.parse(text).result?.finishReason === 'stop' ? done() : fail(new Error(text))));
    });
    req.on('error', fail).end(body);
  });
}

const rest = () => new Promise((done) => setTimeout(done, 250)); // what was left for later is done by then
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

/** One turn of each session of a kind: microseconds of CPU and of wall clock, for a turn. */
async function takeTurns(server, agent, kind) {
  const cpu = cpuNs(server.child.pid), started = performance.now();
  for (let s = 0; s < SESSIONS; s++) await turn(server.port, agent, `${kind}-${s}`);
  const wall = performance.now() - started;
  await rest();
  return { cpu: (cpuNs(server.child.pid) - cpu) / SESSIONS / 1000, wall: (wall * 1000) / SESSIONS };
}

async function measure(set, agent, turns) {
  const server = await launch(set), taken = { young: [], old: [] };
  for (let i = 1; i < turns - WINDOW; i++) for (let s = 0; s < SESSIONS; s++) await turn(server.port, agent, `old-${s}`);
  for (let i = 1; i < 10 - WINDOW; i++) for (let s = 0; s < SESSIONS; s++) await turn(server.port, agent, `young-${s}`);
  await rest();
  for (let i = 0; i <= 2 * WINDOW; i++) for (const kind of ['young', 'old']) taken[kind].push(await takeTurns(server, agent, kind));
  server.child.kill();
  await new Promise((done) => server.child.on('exit', done));
  const of = (kind) => ({ cpu: median(taken[kind].map((one) => one.cpu)), wall: median(taken[kind].map((one) => one.wall)) });
  return { young: of('young'), old: of('old') };
}

const turns = Number(process.env.TURNS ?? 1000);
for (const agent of agents)
  for (const [name, set] of [['with traces', []], ['without traces', ['trace.enabled=false']]]) {
    const { young, old } = await measure(set, agent, turns);
    const us = (one) => `${one.cpu.toFixed(0)} us of CPU, ${one.wall.toFixed(0)} us`;
    console.log(`${agent}, ${name}: the 10th turn ${us(young)}; the ${turns.toLocaleString('en')}th ${us(old)}: ${(old.cpu / young.cpu).toFixed(2)} and ${(old.wall / young.wall).toFixed(2)} times`);
  }
process.exit(0);
