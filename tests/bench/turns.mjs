// What a turn of a long conversation costs beside a young one: the daemon as it comes, over HTTP, each turn a request of its own
// that names the session. CPU is that of the whole process; several conversations go on at once, so that what is compared are
// a hundred turns about the 10th with a hundred about the 1,000th.
//
//	node tests/bench/turns.mjs BUILD [AGENT...]
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const build = resolve(process.argv[2] ?? 'build');
const agents = process.argv.length > 3 ? process.argv.slice(3) : ['echo', 'guided', 'reply'];
const SESSIONS = 10, WINDOW = 5; // turns to each side

/** Starts the daemon; tells on which port it serves. */
function launch(set) {
  const values = ['server.listen=127.0.0.1:0', 'log.level=info', ...set];
  const child = spawn(join(build, 'genkitd'), [...values.flatMap((value) => ['--set', value]), '--module', join(build, 'modules/bench.so')],
    { cwd: mkdtempSync(join(tmpdir(), 'genkitd-bench-')), stdio: ['ignore', 'ignore', 'pipe'] });
  process.on('exit', () => child.kill('SIGKILL'));
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

/** CPU and wall clock, in microseconds, of a turn about the tenth and about the last. */
async function measure(set, agent, turns) {
  const server = await launch(set);
  const sums = { young: { cpu: 0, wall: 0 }, old: { cpu: 0, wall: 0 } };
  for (let i = 1; i <= turns; i++) {
    const at = Math.abs(i - 10) <= WINDOW ? sums.young : i > turns - 2 * WINDOW - 1 ? sums.old : null;
    if (i === 11 + WINDOW || i === 10 - WINDOW || i === turns - 2 * WINDOW) await new Promise((r) => setTimeout(r, 1500)); // what was left for later
    const cpu = at && cpuNs(server.child.pid), wall = performance.now();
    for (let s = 0; s < SESSIONS; s++) await turn(server.port, agent, `talk-${s}`);
    if (!at) continue;
    at.wall += performance.now() - wall;
    if (i === 10 + WINDOW || i === turns) await new Promise((r) => setTimeout(r, 1500));
    at.cpu += cpuNs(server.child.pid) - cpu;
  }
  server.child.kill();
  await new Promise((r) => server.child.on('exit', r));
  const each = SESSIONS * (2 * WINDOW + 1);
  return { young: { cpu: sums.young.cpu / each / 1000, wall: (sums.young.wall / each) * 1000 }, old: { cpu: sums.old.cpu / each / 1000, wall: (sums.old.wall / each) * 1000 } };
}

for (const agent of agents)
  for (const [name, set] of [['with traces', []], ['without traces', ['trace.enabled=false']]]) {
    const { young, old } = await measure(set, agent, Number(process.env.TURNS ?? 1000));
    console.log(`${agent}, ${name}: 10th turn ${young.cpu.toFixed(0)} us CPU, ${young.wall.toFixed(0)} us; 1,000th ${old.cpu.toFixed(0)} us CPU, ${old.wall.toFixed(0)} us: ` +
      `${(old.cpu / young.cpu).toFixed(2)} and ${(old.wall / young.wall).toFixed(2)} times`);
  }
process.exit(0);
