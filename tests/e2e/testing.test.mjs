// Models that follow a script: how users try their flows without a provider.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { build, environment, project, run, start, until } from './lib/daemon.mjs';
import { request } from './lib/raw.mjs';

const folder = project();
const file = (name, text) => (writeFileSync(join(folder, name), text), join(folder, name));
const ask = async (daemon, model, text, stream = '') => {
  const { body } = await request(daemon.reflection, 'POST', `/api/runAction${stream}`, {
    body: JSON.stringify({ key: '/util/generate', input: { model, tools: ['weather'], messages: [{ role: 'user', content: [{ text }] }] } }),
  });
  return stream ? body : JSON.parse(body);
};

describe('testing.script', () => {
  it('gives flows a model under the name they ask for, and is read again', async () => {
    const script = file('answers.yaml', `
- message: {role: model, content: [{toolRequest: {name: weather, input: {city: Rome}}}]}
- {text: Go to the park., chunks: ["Go to ", the park.]}
- {when: joke, text: "No."}
- {status: UNAVAILABLE, message: come back later}
`);
    const daemon = await start({ modules: ['kitchen'], set: { 'testing.script': script, 'testing.models': ['openai/gpt-4o'] } });
    try {
      const streamed = await ask(daemon, 'openai/gpt-4o', 'What shall we do?', '?stream=true');
      assert.match(streamed, /"Go to "[^]*"the park\."[^]*"sunny"/);
      assert.equal((await ask(daemon, 'test/programmable', 'Tell a joke.')).result.message.content[0].text, 'No.');
      assert.match((await ask(daemon, 'openai/gpt-4o', 'More!')).error.message, /come back later/);
      assert.match((await ask(daemon, 'openai/gpt-4o', 'More!')).error.message, /has 4 turns, and none for this call/);
      file('answers.yaml', 'loop: true\nturns: [{text: again}]\n');
      daemon.child.kill('SIGHUP');
      await until(async () => (await ask(daemon, 'openai/gpt-4o', 'x')).result?.message.content[0].text === 'again', 'the script is read again');
      assert.equal((await ask(daemon, 'openai/gpt-4o', 'x')).result.message.content[0].text, 'again');
    } finally {
      await daemon.stop();
    }
  });
  it('stays the old one when a reload fails', async () => {
    const script = file('kept.yaml', 'loop: true\nturns: [{text: old}]\n');
    const settings = file('kept.conf.yaml', 'server: {listen: "127.0.0.1:0"}\n');
    const daemon = await start({ modules: ['kitchen'], args: ['--config', settings], set: { 'testing.script': script, 'server.listen': undefined } });
    try {
      const says = async () => (await ask(daemon, 'test/programmable', 'x')).result.message.content[0].text;
      const reload = async (text, outcome) => {
        const before = daemon.stderr().length;
        file('kept.conf.yaml', text);
        daemon.child.kill('SIGHUP');
        await until(() => /config: (not )?reloaded/.test(daemon.stderr().slice(before)), 'it has looked');
        assert.match(daemon.stderr().slice(before), outcome);
      };
      assert.equal(await says(), 'old');
      file('kept.yaml', 'loop: true\nturns: [{text: new}]\n');
      await reload('server: {listen: "unix:/no/such/folder"}\n', /config: not reloaded/);
      assert.equal(await says(), 'old');
      await reload('server: {listen: "127.0.0.1:0"}\n', /config: reloaded/);
      assert.equal(await says(), 'new');
    } finally {
      await daemon.stop();
    }
  });
  it('keeps the daemon from starting when it is none', async () => {
    for (const [text, complaint] of [['- {}', /bad\.yaml: turn 1 of a script has no text/], ['- [', /bad\.yaml:2:1:/], ['#'.repeat(2 ** 24 + 1), /bad\.yaml.*16777216/]]) {
      const { stderr, code } = await run(join(build, 'genkitd'),
        ['--set', `testing.script=${file('bad.yaml', text)}`, '--set', 'server.listen=127.0.0.1:0'], { cwd: folder, env: environment() });
      assert.equal(code, 1);
      assert.match(stderr, complaint);
    }
  });
});
