// An app of Genkit's JavaScript SDK that knows nothing of genkitd: flows, a step, a model, a failure and a log record.
import { genkit, z } from 'genkit';
import { logger } from 'genkit/logging';
import { flushTracing } from 'genkit/tracing';

const ai = genkit({});
ai.defineModel({ name: 'menu/echo' }, async ({ messages }) => ({
  message: { role: 'model', content: [{ text: `echo: ${messages.at(-1).content[0].text}` }] }, finishReason: 'stop',
}));
const menu = ai.defineFlow({ name: 'menu', inputSchema: z.string(), outputSchema: z.string() }, async (theme) => {
  const loud = await ai.run('shout', theme, async (text) => text.toUpperCase());
  logger.info(`a menu for ${theme}`);
  return (await ai.generate({ model: 'menu/echo', prompt: loud })).text;
});
const burnt = ai.defineFlow({ name: 'burnt' }, async () => {
  throw new Error('too hot');
});
console.log(await menu('pirates'));
await burnt().catch(() => {});
await flushTracing();
await new Promise((done) => setTimeout(done, 500)); // its exporter looks for its resource first
process.exit(0);
