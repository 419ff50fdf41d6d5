// `ws` as small programs use it: subprotocols as a browser would offer them, and events as JSON.

import assert from 'node:assert';
import WebSocket from 'ws';

import { conversation } from './conversation.mjs';
import { order, report, run } from './telephone.mjs';

run(async () => {
  const socket = new WebSocket(order.url, ['realtime', `openai-insecure-api-key.${order.key}`]);
  socket.on('error', (error) => report.errors.push(String(error)));
  const talk = conversation((event) => socket.send(JSON.stringify(event)));
  socket.on('open', () => assert.equal(socket.protocol, 'realtime'));
  socket.on('message', (data) => talk.take(JSON.parse(data)));
  await talk.done;
  socket.close(1000);
  await new Promise((resolve) => socket.on('close', resolve));
});
