// An inn with an agent: what the demo serves in C, said again with the JavaScript SDK, and one guest for both.
import { createServer } from 'node:http';

/** The SDK's inn over HTTP, with its routes where Genkit's client looks for them: {url, stop()}. */
export async function sdkInn() {
  const { genkit, z, InMemorySessionStore } = await import('genkit/beta');
  const { getCurrentSession } = await import('@genkit-ai/ai/session');
  const ai = genkit({});
  const user = (messages) => messages.filter((m) => m.role === 'user');
  const text = (message) => (message?.content ?? []).map((p) => p.text ?? '').join('');
  const ask = (messages, name, input) => ({ message: { role: 'model', content: [{ toolRequest: { name, ref: `${name}-${messages.length}`, input } }] }, finishReason: 'stop' });
  ai.defineModel({ name: 'inn/host', apiVersion: 'v2', supports: { tools: true, multiturn: true, systemRole: true } }, async ({ messages }, { sendChunk }) => {
    const last = messages.at(-1);
    const said = text(last);
    let reply;
    if (last.role === 'tool') {
      const { name, output } = last.content[0].toolResponse;
      reply = { rooms: () => `${output.free} rooms are free.`, book: () => `It is ${output}.`, choose: () => `Your room is ${output}.` }[name]();
    } else if (/rooms/.test(said)) return ask(messages, 'rooms', {});
    else if (/book/.test(said)) return ask(messages, 'book', { nights: Number(/book (\d+)/.exec(said)[1]) });
    else if (/choose/.test(said)) return ask(messages, 'choose', { question: 'Which room?' });
    else reply = `You said "${said}", and that was number ${user(messages).length}.`;
    for (const word of reply.match(/\S+\s*/g)) sendChunk({ content: [{ text: word }] });
    return { message: { role: 'model', content: [{ text: reply }] }, finishReason: 'stop' };
  });
  ai.defineTool({ name: 'rooms', description: 'Which rooms are free.', inputSchema: z.object({}), outputSchema: z.object({ free: z.number() }) },
    async () => ({ free: 3 }));
  ai.defineTool({ name: 'book', description: 'Books a room; a long stay needs approval.', inputSchema: z.object({ nights: z.number().int() }), outputSchema: z.string() },
    async ({ nights }, { interrupt, resumed }) => {
      if (nights > 3 && !resumed) interrupt({ reason: 'a long stay', nights });
      getCurrentSession(ai.registry).updateCustom((custom) => ({ nights: (custom?.nights ?? 0) + nights }));
      return 'booked';
    });
  ai.defineInterrupt({ name: 'choose', description: 'Asks the guest.', inputSchema: z.object({ question: z.string() }), outputSchema: z.string() });
  const agent = ai.defineAgent({ name: 'inn', model: 'inn/host', system: 'You keep an inn.', tools: ['rooms', 'book', 'choose'], store: new InMemorySessionStore() });
  const actions = { '/inn': agent, '/inn/getSnapshot': agent.getSnapshotDataAction, '/inn/abort': agent.abortAgentAction };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const data of request.setEncoding('utf8')) body += data;
    const { data, init } = JSON.parse(body);
    const streams = /event-stream/.test(request.headers.accept ?? '');
    response.writeHead(200, { 'Content-Type': streams ? 'text/event-stream' : 'application/json' });
    try {
      const { result } = await actions[request.url].run(data, { init, onChunk: streams ? (chunk) => response.write(`data: ${JSON.stringify({ message: chunk })}\n\n`) : undefined });
      response.end(streams ? `data: ${JSON.stringify({ result })}\n\n` : JSON.stringify({ result }));
    } catch (error) {
      response.end(`error: ${JSON.stringify({ error: { status: error.status, message: error.message } })}\n\n`);
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${server.address().port}/inn`, stop: () => new Promise((done) => { server.close(done); server.closeAllConnections(); }) };
}

/** Says something in a chat of the client's and tells all that came back. */
export async function say(chat, input) {
  const turn = chat.sendStream(input), chunks = [];
  for await (const chunk of turn.stream) chunks.push(chunk.raw);
  const response = await turn.response;
  return { response, told: { chunks, finishReason: response.finishReason, message: response.message, text: response.text, custom: chat.state } };
}

/** A stay: talk, a tool, custom state, an interrupt that is restarted, one that is answered. Gives what each turn told. */
export async function stay(agent) {
  const chat = agent.chat(), log = [];
  const next = async (input) => {
    const { response, told } = await say(chat, input);
    log.push(told);
    return response;
  };
  await next('Good evening');
  await next('Which rooms are free?');
  await next('book 2');
  const approval = await next('book 7');
  await next({ resume: { restart: [{ ...approval.interrupts[0].restart(), metadata: { resumed: true } }] } });
  const choice = await next('let me choose');
  await next({ resume: { respond: [choice.interrupts[0].respond('the blue one')] } });
  await next('Good night');
  return { chat, log };
}

/** Ids differ from run to run. */
export function plain(value) {
  return JSON.parse(JSON.stringify(value).replace(/"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"/g, '"<id>"'));
}
