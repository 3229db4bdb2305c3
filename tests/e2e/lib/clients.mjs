// The npm clients: where they are, and how the CLI is run without asking anybody anything.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { environment, mind, project, root, run, until } from './daemon.mjs';

export const missing = process.env.NPM_CLIENTS_MISSING || false;
const cli = join(root, 'tests/e2e/node_modules/.bin/genkit');
const home = project();
const quiet = { HOME: home, GENKIT_CLI_DISABLE_UPDATE_NOTIFICATIONS: 'true', NO_COLOR: '1' };
const flags = ['--no-update-notification', '--non-interactive'];
let prepared;

async function prepare() {
  prepared ??= run(cli, ['config', 'set', 'analyticsOptOut', 'true', ...flags], { cwd: home, env: quiet });
  await prepared;
}

/** One command of the CLI to its end: {code, stdout, stderr}. Its exit status is 0 even when a flow failed. */
export async function genkit(args, { cwd, env = {}, timeout = 240000 } = {}) {
  await prepare();
  const at = args.indexOf('--');
  const own = at < 0 ? [...args, ...flags] : [...args.slice(0, at), ...flags, ...args.slice(at)];
  return run(cli, own, { cwd, env: { ...quiet, ...env }, timeout });
}

/** `genkit start -p PORT -- COMMAND`: the tools server, driven as the Dev UI in the browser drives it. */
export async function tools(command, { cwd, port, args = [], env = {} }) {
  await prepare();
  const child = mind(spawn(cli, ['start', '-p', String(port), ...args, ...flags, '--', ...command], {
    cwd, env: environment({ ...quiet, ...env }), stdio: ['ignore', 'pipe', 'pipe'], detached: true,
  }), true);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const ended = new Promise((done) => child.on('exit', done));
  const kill = () => { try { process.kill(-child.pid, 'SIGKILL'); } catch { /* gone */ } };
  const url = `http://localhost:${port}/api`;
  const unwrap = async (response) => {
    const text = await response.text();
    const body = JSON.parse(text);
    if (body.error) throw Object.assign(new Error(body.error.message), { body });
    return body.result.data;
  };
  const self = {
    url,
    output: () => output,
    query: async (name, input) => unwrap(await fetch(`${url}/${name}${input === undefined ? '' : `?input=${encodeURIComponent(JSON.stringify(input))}`}`)),
    mutate: async (name, input) => unwrap(await post(`${url}/${name}`, input)),
    post: (path, value) => post(`${url}${path}`, value),
    async stop() {
      child.kill('SIGTERM');
      await Promise.race([ended, new Promise((r) => setTimeout(r, 5000))]);
      kill();
    },
  };
  try {
    await until(async () => (await self.query('getActiveRuntimes').catch(() => [])).length > 0, 'a runtime shows up', 120000);
  } catch (error) {
    kill();
    throw new Error(`${error.message}\n${output}`);
  }
  return self;
}

function post(url, value) {
  return fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) });
}

/** A port that was free a moment ago, for programs that cannot take 0: below those that the kernel gives to who does. */
export async function freePort() {
  const { createServer } = await import('node:net');
  for (let i = 0; i < 100; i++) {
    const port = 10000 + Math.floor(Math.random() * 22000);
    const server = createServer();
    const isFree = await new Promise((done) => server.once('error', () => done(false)).listen(port, '127.0.0.1', () => done(true)));
    if (!isFree) continue;
    await new Promise((done) => server.close(done));
    return port;
  }
  throw new Error('none of 100 ports is free');
}
