// The JavaScript SDK's agent for `make bench`: the echo model, sessions in memory. PEER_FOLDER has its packages.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const { genkit, InMemorySessionStore } = createRequire(join(process.env.PEER_FOLDER, 'package.json'))('genkit/beta');
const ai = genkit({});
ai.defineModel({ name: 'bench/echo', supports: { multiturn: true, tools: true, systemRole: true } }, async ({ messages }) => ({
  message: { role: 'model', content: [{ text: messages.at(-1).content[0].text }] }, finishReason: 'stop',
}));
ai.defineAgent({ name: 'echo', model: 'bench/echo', store: new InMemorySessionStore() });
