// The Node SDK as in a browser: `OpenAIRealtimeWebSocket` on the WebSocket that browsers have, which can send no
// headers; so a key is in a subprotocol. It is a client secret, which a server of the user's own would have asked for.

import OpenAI from 'openai';
import { OpenAIRealtimeWebSocket } from 'openai/realtime/websocket';

import { conversation } from './conversation.mjs';
import { order, report, run } from './telephone.mjs';

run(async () => {
  const baseURL = order.base_url.replace('wss:', 'https:');
  const server = new OpenAI({ apiKey: order.key, baseURL });
  const secret = await server.realtime.clientSecrets.create({
    session: { type: 'realtime', model: order.model, audio: { output: { voice: 'cedar' } } },
  });
  const browser = new OpenAI({ apiKey: secret.value, baseURL, dangerouslyAllowBrowser: true });
  const realtime = new OpenAIRealtimeWebSocket({ model: order.model, dangerouslyAllowBrowser: true }, browser);
  realtime.on('error', (error) => report.errors.push(String(error)));
  realtime.on('session.created', ({ session }) => {
    if (session.audio.output.voice !== 'cedar') report.errors.push('the session is not the one of the secret');
  });
  const talk = conversation((event) => realtime.send(event));
  realtime.on('event', talk.take);
  await talk.done;
  const closed = new Promise((resolve) => realtime.socket.addEventListener('close', resolve));
  realtime.close();
  await closed;
});
