// What the demo shows of generate, seen from outside.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from './lib/daemon.mjs';
import { request } from './lib/raw.mjs';

describe('the demo asks a model', () => {
  let daemon;
  before(async () => (daemon = await start({ modules: ['demo', 'kitchen'] })));
  after(() => daemon.stop());
  const run = async (name, data, headers = {}) =>
    request(daemon.flows, 'POST', `/${name}`, { headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify({ data }) });

  it('structured output comes as a value', async () => {
    const { body } = await run('menu', { theme: 'pirate' });
    assert.deepEqual(JSON.parse(body).result, { dish: 'Sea shanty stew', courses: ['soup', 'stew'], price: 12 });
  });
  it('a tool is run for the model, and its failure is the call\'s', async () => {
    assert.match(JSON.parse((await run('picnic', { city: 'Rome' })).body).result, /sunny and 21 degrees/);
    const failed = await run('picnic', { city: 'Atlantis' });
    assert.equal(failed.status, 404);
  });
  it('a chat streams words and goes on from its messages', async () => {
    const { body } = await run('chat', { text: 'hello' }, { Accept: 'text/event-stream' });
    const events = body.split('\n\n').filter(Boolean).map((e) => JSON.parse(e.replace(/^data: /, '')));
    const { messages, reply } = events.at(-1).result;
    assert.ok(events.length > 4, body);
    assert.equal(events.slice(0, -1).map((e) => e.message.content[0].text).join(''), reply);
    const again = JSON.parse((await run('chat', { text: 'more', messages })).body).result;
    assert.equal(again.messages.length, 4);
  });
  it('/util/generate, the middleware and the default model are there for the Dev UI', async () => {
    const value = async (type) => JSON.parse((await request(daemon.reflection, 'GET', `/api/values?type=${type}`)).body);
    assert.deepEqual(await value('defaultModel'), { defaultModel: { name: 'kitchen/cook' } });
    assert.ok((await value('middleware')).filesystem.configSchema);
    const { body } = await request(daemon.reflection, 'POST', '/api/runAction', {
      body: JSON.stringify({ key: '/util/generate', input: { model: 'test/echo', messages: [{ role: 'user', content: [{ text: 'hi' }] }] } }),
    });
    assert.equal(JSON.parse(body).result.message.content[0].text, 'Echo: hi');
  });
});
