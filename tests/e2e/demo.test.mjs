// What `make run` serves: with models of an Ollama server on this machine, with those of a service whose key is there, with none.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { describe, it } from 'node:test';
import { build, mind, root, until } from './lib/daemon.mjs';

const keyed = /_API_KEY$|_TOKEN$|^AZURE|^CLOUDFLARE|^OLLAMA|^GENKIT/;

/** Runs the demo with these variables while `fn` looks at it: {flows, said()}. */
async function demo(env, fn) {
  const flows = '127.0.0.1:0';
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !keyed.test(name)));
  const child = spawn('scripts/run-demo', [build], { cwd: root, env: { ...clean, ...env, FLOWS: flows } });
  mind(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (d) => (text += d));
  const ended = new Promise((done) => child.on('close', done));
  try {
    const listener = (name) => new RegExp(`${name}: listening on (\\S+)`).exec(text)?.[1];
    await until(() => listener('flows') && listener('reflection'), 'the demo');
    await fn({ flows: listener('flows'), reflection: listener('reflection'), said: () => text });
  } finally {
    child.kill();
    await ended;
  }
}
const post = async (flows, name, data) => (await fetch(`http://${flows}/${name}`, { method: 'POST', body: JSON.stringify({ data }) })).json();
const actions = async (reflection) => Object.keys(await (await fetch(`http://${reflection}/api/actions`)).json());

/** An Ollama server, on a port of its own: {host, stop()}. */
function ollama(address = '127.0.0.1') {
  const server = createServer(async (req, res) => {
    let body = '';
    for await (const piece of req) body += piece;
    const answers = {
      '/api/tags': { models: [{ model: 'tiny:1b', digest: 'd' }] },
      '/api/show': { capabilities: ['completion'] },
      '/api/chat': { message: { role: 'assistant', content: 'physics' }, done: true, done_reason: 'stop' },
    };
    res.end(JSON.stringify(answers[req.url] ?? { error: 'no' }));
  });
  return new Promise((done) => {
    server.listen(0, address, () => done({
      host: `${address.includes(':') ? `[${address}]` : address}:${server.address().port}`,
      stop: () => { server.closeAllConnections(); return new Promise((ended) => server.close(ended)); },
    }));
  });
}

describe('make run', () => {
  it('works on test models when there are no others, and says so', async () => {
    const gone = await ollama();
    await gone.stop();
    await demo({ OLLAMA_HOST: gone.host }, async ({ flows, said }) => {
      assert.match(said(), /No model provider was found: what asks a model here is answered by test models/);
      assert.equal((await post(flows, 'prompts/dish', { theme: 'pirate' })).result.dish, 'Sea shanty stew');
    });
  });
  it('offers the models of a service whose key is in the environment', () =>
    demo({ GOOGLE_API_KEY: 'a-secret-key' }, async ({ said, reflection }) => {
      assert.match(said(), /Models of (ollama )?googleai are there/);
      assert.match(said(), /"model": "(ollama\/\S+|googleai\/gemini-2.5-flash)"/);
      assert.ok((await actions(reflection)).includes('/model/googleai/gemini-2.5-flash'));
      assert.ok(!said().includes('a-secret-key'));
    }));
  it('offers the models of a service that needs more than a key when all of it is there', async () => {
    const gone = await ollama();
    await gone.stop();
    const env = { OLLAMA_HOST: gone.host, CLOUDFLARE_API_TOKEN: 'a-secret-key', AZURE_OPENAI_API_KEY: 'another-secret-key', AZURE_OPENAI_ENDPOINT: 'https://nowhere.invalid' };
    await demo(env, async ({ said, reflection }) => {
      assert.match(said(), /Models of microsoft-foundry are there/);
      assert.match(said(), /"model": "microsoft-foundry\/gpt-4o-mini"/);
      assert.ok((await actions(reflection)).includes('/model/microsoft-foundry/gpt-4o-mini'));
    });
  });
  for (const address of ['127.0.0.1', '::1'])
    it(`offers the models of an Ollama server on this machine, at ${address}`, async () => {
      const server = await ollama(address);
      try {
        await demo({ OLLAMA_HOST: server.host }, async ({ flows, said, reflection }) => {
          assert.match(said(), /Models of ollama are there/);
          assert.match(said(), /"model": "ollama\/tiny:1b"/);
          assert.ok((await actions(reflection)).includes('/model/ollama/tiny:1b'));
          assert.deepEqual(await post(flows, 'ask', { model: 'ollama/tiny:1b', question: 'Why?' }), { result: 'physics' });
        });
      } finally {
        await server.stop();
      }
    });
});
