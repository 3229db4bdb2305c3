// Starts the daemon that was built, on ports the kernel chooses, and knows where it listens.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after } from 'node:test';

export const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../../..');
export const build = resolve(root, process.env.BUILD ?? 'build');
export const genkitd = join(build, 'genkitd');
export const genkitctl = join(build, 'genkitctl');

// What a failed test leaves running would keep this process from ending.
const children = new Set();
export function mind(child, group = false) {
  children.add([child, group]);
  return child;
}
function killAll() {
  for (const [child, group] of children)
    try {
      process.kill(group ? -child.pid : child.pid, 'SIGKILL');
    } catch {
      // gone
    }
}
after(killAll);
process.on('exit', killAll);

const folders = [];
process.on('exit', () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A folder for a project, gone at the end of the process; the marker makes it the root for CLI and daemon alike. */
export function project(files = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'genkitd-e2e-'));
  writeFileSync(join(folder, 'requirements.txt'), '');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o755 });
  folders.push(folder);
  return folder;
}

export function environment(extra = {}) {
  const env = { ...process.env, ...extra };
  for (const name of ['GENKIT_ENV', 'GENKIT_TELEMETRY_SERVER', 'GENKIT_REFLECTION_V2_SERVER', 'NOTIFY_SOCKET'])
    if (!(name in extra)) delete env[name];
  delete env.NODE_TEST_CONTEXT; // a node program below would take itself for a test
  return env;
}

/**
 * Options: modules (names of build/modules), set ({key: value}), args, env, cwd, dev (default true).
 * Gives {pid, flows, reflection, stderr(), exited, stop()}; flows and reflection are "host:port".
 */
export async function start(options = {}) {
  const cwd = options.cwd ?? project();
  const set = { 'server.listen': '127.0.0.1:0', 'reflection.listen': '127.0.0.1:0', ...options.set };
  const args = ['--ready-fd', '3'];
  if (options.dev !== false) args.push('--dev');
  for (const name of options.modules ?? ['testapp']) args.push('--module', join(build, 'modules', `${name}.so`));
  for (const [key, value] of Object.entries(set).filter(([, value]) => value !== undefined))
    args.push('--set', `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const child = mind(spawn(options.program ?? genkitd, [...args, ...(options.args ?? [])], {
    cwd,
    env: environment({ XDG_STATE_HOME: cwd, ...options.env }),
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  }));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const exited = new Promise((done) => child.on('exit', (code, signal) => done({ code, signal })));
  const ready = await new Promise((done, fail) => {
    let text = '';
    child.stdio[3].setEncoding('utf8').on('data', (data) => {
      text += data;
      if (text.includes('\n')) done(JSON.parse(text));
    });
    exited.then((how) => fail(new Error(`genkitd ended (${JSON.stringify(how)}):\n${stderr}`)));
  });
  return {
    child,
    cwd,
    pid: child.pid,
    flows: [ready.flows].flat()[0],
    reflection: [ready.reflection].flat()[0],
    ready,
    exited,
    stderr: () => stderr,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      return exited;
    },
    rss() {
      return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) / 1024;
    },
  };
}

/** By how much what is fast on a quiet machine may be slower here: others may run beside the tests, and sanitizers take their part. */
export const slack = build.includes('sanitize') ? 10 : 4;

/** Waits for a condition instead of a time: calls `test` until it gives something truthy. The limit is for a machine that is busy. */
export async function until(test, what, ms = 60000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await new Promise((r) => setTimeout(r, 5));
  }
}

// The sanitizers' build says so at the first switch of fibers.
const sanitizerNotice = /^==\d+==WARNING: ASan doesn't fully support makecontext\/swapcontext.*\n/m;

/** Runs a program to its end: {code, signal, stdout, stderr}. */
export function run(program, args, options = {}) {
  return new Promise((done, fail) => {
    const child = mind(spawn(program, args, { cwd: options.cwd, env: environment(options.env), stdio: ['pipe', 'pipe', 'pipe'] }));
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeout ?? 180000);
    let stdout = '', stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.on('error', fail);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      done({ code, signal, stdout, stderr: stderr.replace(sanitizerNotice, '') });
    });
  });
}
