// Directories of .prompt files: saved, called, edited under load, broken.
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { genkitctl, project, root, run, slack, start, until } from './lib/daemon.mjs';

describe('prompts of a directory', () => {
  let daemon, cwd;
  before(async () => {
    cwd = project();
    mkdirSync(join(cwd, 'p'));
    daemon = await start({ cwd, modules: ['demo', 'kitchen'], set: { prompts: [{ directory: 'p' }] } });
  });
  after(() => daemon.stop());
  const save = (name, text) => {
    writeFileSync(join(cwd, 'p', `.${name}`), text);
    renameSync(join(cwd, 'p', `.${name}`), join(cwd, 'p', name));
  };
  const call = async (name, data, headers = {}) => {
    const res = await fetch(`http://${daemon.flows}/prompts/${name}`, { method: 'POST', headers, body: JSON.stringify({ data }) });
    return { status: res.status, text: await res.text() };
  };
  const says = async (name, data) => JSON.parse((await call(name, data)).text).result;
  const ctl = (...args) => run(genkitctl, args, { cwd });

  it('a file that is saved answers within 200 ms', async () => {
    const times = [];
    // The machine may be busy with something else for a while.
    for (let i = 0; i < 20 && !times.some((ms) => ms < 200); i++) {
      const before = Date.now();
      save('hi.prompt', `---\ninput: {schema: {name: string}}\n---\nGood ${i} {{name}}`);
      await until(async () => (await call('hi', { name: 'Ada' })).text.includes(`Good ${i} Ada`), 'the prompt');
      times.push(Date.now() - before);
    }
    assert.ok(Math.min(...times) < 200, `${times} ms`);
    save('hi.prompt', '---\ninput: {schema: {name: string}}\n---\nHi {{name}}');
    await until(async () => (await call('hi', { name: 'Ada' })).text.includes('Hi Ada'), 'the prompt');
    assert.equal(await says('hi', { name: 'Ada' }), 'You said "Hi Ada", and I say soup.');
  });
  it('validates the input', async () => {
    const { status, text } = await call('hi', { name: 7 });
    assert.equal(status, 400);
    assert.match(text, /name: must be string/);
  });
  it('streams', async () => {
    const { text } = await call('hi', { name: 'Ada' }, { Accept: 'text/event-stream' });
    const events = text.trim().split('\n\n').map((event) => JSON.parse(event.replace(/^data: /, '')));
    assert.ok(events.length > 3);
    const said = events.slice(0, -1).map((event) => event.message.content[0].text).join('');
    assert.equal(said, 'You said "Hi Ada", and I say soup.');
    assert.equal(events.at(-1).result, said);
  });
  it('answers the tools and genkitctl', async () => {
    const res = await fetch(`http://${daemon.reflection}/api/runAction`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ key: '/executable-prompt/hi', input: { name: 'Ada' } }),
    });
    assert.equal((await res.json()).result.messages[0].content[0].text, 'Hi Ada');
    const ran = await ctl('prompt', 'run', 'hi', '--input', '{"name":"Ada"}', '--stream');
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout.trimEnd().split('\n').at(-1), /^"You said \\"Hi Ada/);
    assert.match((await ctl('prompts')).stdout, /^hi\b/m);
  });
  it('is edited under load, and no half of a version is seen', async () => {
    const text = (version) => `---\nconfig: {version: ${version}}\n---\n${`v${version} `.repeat(2000)}`;
    const times = [];
    let version = 1, highest = 0, answers = 0, done = false;
    save('big.prompt', text(version));
    await until(async () => (await call('big')).status === 200, 'the prompt');
    const client = async () => {
      while (!done) {
        const { status, text } = await call('big');
        assert.equal(status, 200, text);
        const words = new Set(JSON.parse(text).result.match(/v\d+/g));
        assert.equal(words.size, 1, [...words].join());
        highest = Math.max(highest, Number([...words][0].slice(1)));
        answers++;
      }
    };
    const clients = Array.from({ length: 8 }, client);
    while (version < 20) {
      save('big.prompt', text(++version));
      const saved = Date.now();
      await until(() => highest === version, `version ${version}`);
      times.push(Date.now() - saved);
    }
    done = true;
    await Promise.all(clients);
    times.sort((a, b) => a - b);
    assert.ok(times[Math.floor(times.length / 2)] < 200 * slack, `${times} ms`);
    console.log(`# visible after ${times} ms, ${answers} answers`);
    assert.ok(answers > 20);
  });
  it('a broken edit keeps the last good version, and everybody says so', async () => {
    save('hi.prompt', '---\ninput: {schema: {name: string}}\ninput: 1\n---\nHo {{name}}');
    const wrong = /p\/hi\.prompt:3:1: /;
    await until(() => wrong.test(daemon.stderr()), 'the log');
    const actions = await (await fetch(`http://${daemon.reflection}/api/actions`)).json();
    assert.match(actions['/prompt/hi'].metadata.error, wrong);
    assert.match((await ctl('prompts')).stdout, /hi\s+BROKEN, an older version serves: p\/hi\.prompt:3:1: /);
    assert.equal(await says('hi', { name: 'Ada' }), 'You said "Hi Ada", and I say soup.');
    const lint = await ctl('prompt', 'lint', 'p');
    assert.equal(lint.code, 1);
    assert.match(lint.stdout, wrong);
    save('hi.prompt', 'Ho');
    await until(async () => (await says('hi')) === 'You said "Ho", and I say soup.', 'the new version');
    assert.equal((await ctl('prompt', 'lint', 'p')).code, 0);
  });
  it('a file that is removed is gone', async () => {
    rmSync(join(cwd, 'p', 'hi.prompt'));
    await until(async () => (await call('hi')).status === 404, 'the end');
  });
  it('renders a file without a daemon, with its partials', async () => {
    const rendered = await run(genkitctl, ['prompt', 'render', 'etc/demo/prompts/hello.prompt', '--input', '{"name":"Ada"}', '--json'], { cwd: root });
    assert.equal(rendered.code, 0, rendered.stderr);
    const messages = JSON.parse(rendered.stdout);
    assert.deepEqual(messages.map((one) => one.role), ['system', 'user']);
    assert.match(messages[1].content[0].text, /Greet Ada\./);
  });
});

describe('the prompts of the demo', () => {
  it('are all right, and answer', async () => {
    assert.deepEqual(await run(genkitctl, ['prompt', 'lint', 'etc/demo/prompts'], { cwd: root }).then(({ code, stdout }) => ({ code, stdout })), { code: 0, stdout: '' });
    const daemon = await start({ modules: ['demo', 'kitchen'], set: { prompts: [{ directory: join(root, 'etc/demo/prompts') }] } });
    const say = async (name, data) => {
      const res = await fetch(`http://${daemon.flows}/prompts/${name}`, { method: 'POST', body: JSON.stringify({ data }) });
      return (await res.json()).result;
    };
    assert.match(await say('hello'), /Greet stranger\./);
    assert.match(await say('hello.de', { name: 'Ada' }), /Begrüße Ada\./);
    assert.equal((await say('dish', { theme: 'pirate', guests: ['Bob'] })).dish, 'Sea shanty stew');
    assert.match(await say('photo', { url: 'data:image/png;base64,AA==', contentType: 'image/png' }), /soup/);
    assert.match(await say('talk', { question: 'And now?' }), /And now\?/);
    assert.match(await say('trip/picnic', { city: 'Rome' }), /degrees/);
    await daemon.stop();
  });
});
