// Agents that wait for input, all at once: waiting.mjs BUILD [COUNT [MEGABYTES]]. Each has had a turn, which is in the store,
// and waits for the next input with its stream open, as the Dev UI's agent runner keeps it (reflection v2). Prints what the
// daemon's memory is before, while they wait, and afterwards; exit status 1 when it is more than MEGABYTES (100), or when one
// of them did not end well. The WebSocket server comes with the end-to-end tests' packages.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const [build, count, limit] = [resolve(process.argv[2] ?? 'build'), Number(process.argv[3] ?? 2000), Number(process.argv[4] ?? 100)];
const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const { WebSocketServer } = createRequire(resolve(here, '../e2e/package.json'))('ws');
const folder = mkdtempSync(join(tmpdir(), 'genkitd-waiting-'));
const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
await new Promise((done) => server.once('listening', done));

const child = spawn(join(build, 'genkitd'), ['--dev', '--module', join(build, 'modules/bench.so'),
  ...['server.listen=127.0.0.1:0', 'log.level=error'].flatMap((value) => ['--set', value])], {
  cwd: folder, stdio: ['ignore', 'ignore', 'inherit'],
  env: { ...process.env, XDG_STATE_HOME: folder, GENKIT_REFLECTION_V2_SERVER: `ws://127.0.0.1:${server.address().port}` },
});
process.on('exit', () => { child.kill('SIGKILL'); rmSync(folder, { recursive: true, force: true }); });
child.on('exit', (code, signal) => { console.log(`genkitd ended: ${code ?? signal}`); process.exit(1); });
const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) / 1024;

const socket = await new Promise((done) => server.once('connection', done));
const send = (message) => socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
let registered, turns = 0, answers = 0, wrong = 0, told = () => {};
const ready = new Promise((done) => (registered = done));
socket.on('message', (data) => {
  const message = JSON.parse(data);
  if (message.method === 'register') {
    send({ id: message.id, result: null });
    registered();
  } else if (message.method === 'streamChunk') turns += message.params.chunk.turnEnd ? 1 : 0;
  else if (message.id !== undefined) {
    answers++;
    if (message.result?.result?.finishReason !== 'stop') {
      wrong++;
      console.log(JSON.stringify(message));
    }
  }
  told();
});
const until = (is) => new Promise((done) => { told = () => is() && done(); told(); });

await ready;
const before = rss();
for (let id = 1; id <= count; id++) {
  send({ id: String(id), method: 'runAction', params: { key: '/agent/echo', init: {}, stream: true, streamInput: true } });
  send({ method: 'sendInputStreamChunk', params: { requestId: String(id), chunk: { message: { role: 'user', content: [{ text: `hello ${id}` }] } } } });
}
await until(() => turns + answers >= count);
await new Promise((done) => setTimeout(done, 500));
const waiting = rss();
for (let id = 1; id <= count; id++) send({ method: 'endInputStream', params: { requestId: String(id) } });
await until(() => answers >= count);
const after = rss();
const f = (value) => value.toFixed(1);
console.log(`${count} agents wait in ${f(waiting)} MB, ${f(((waiting - before) * 1024) / count)} KB each; before ${f(before)} MB, after ${f(after)} MB`);
process.exit(wrong || turns < count || waiting > limit ? 1 : 0);
