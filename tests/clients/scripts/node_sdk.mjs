// The official Node SDK: `OpenAIRealtimeWS`, with the key in a header.

import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';

import { conversation } from './conversation.mjs';
import { order, report, run } from './telephone.mjs';

run(async () => {
  const client = new OpenAI({ apiKey: order.key, baseURL: order.base_url.replace('wss:', 'https:') });
  const realtime = new OpenAIRealtimeWS({ model: order.model }, client);
  realtime.on('error', (error) => report.errors.push(String(error)));
  const talk = conversation((event) => realtime.send(event));
  realtime.on('event', talk.take);
  await talk.done;
  realtime.close();
  await new Promise((resolve) => realtime.socket.on('close', resolve));
});
