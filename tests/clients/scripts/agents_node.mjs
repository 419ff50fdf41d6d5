// `@openai/agents-realtime`: a `RealtimeSession` over WebSocket, with an agent and a function tool.

import { RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { setTracingDisabled } from '@openai/agents-core';
import { z } from 'zod';

import { ANSWER_HEARD_MS, Loudspeaker, Microphone, order, report, run, toolResult } from './telephone.mjs';

run(async () => {
  setTracingDisabled(true);
  const openingHours = tool({
    name: order.tool.name,
    description: order.tool.description,
    parameters: z.object({ day: z.string() }),
    execute: async ({ day }) => {
      report.tools.push({ name: order.tool.name, arguments: { day } });
      return toolResult();
    },
  });
  const agent = new RealtimeAgent({ name: 'bakery', instructions: order.instructions, tools: [openingHours] });
  const session = new RealtimeSession(agent, { transport: 'websocket', model: order.model });
  const microphone = new Microphone((piece) =>
    session.sendAudio(piece.buffer.slice(piece.byteOffset, piece.byteOffset + piece.length)),
  );
  let speaker = new Loudspeaker();
  let answers = 0;
  let finish;
  const done = new Promise((resolve) => (finish = resolve));

  session.on('error', (error) => report.errors.push(JSON.stringify(error)));
  session.on('audio', (event) => {
    const bytes = event.data.byteLength;
    const item = session.transport.currentItemId;
    if (!report.heard.some((each) => each.key === item && each.audio_ms > 0)) {
      speaker = new Loudspeaker();
      answers += 1;
      if (answers === 2) speaker.heard(ANSWER_HEARD_MS).then(() => microphone.interrupt());
    }
    speaker.play(bytes);
    report.hears(item).audio_ms += bytes / 48;
  });
  session.on('audio_interrupted', () => {
    if (speaker.playing) report.interruptions += 1;
    speaker = new Loudspeaker();
  });
  session.on('history_updated', (history) => {
    report.history = history
      .filter((item) => item.type === 'message')
      .map(({ role, status, content }) => ({ role, status, text: content.map((part) => part.transcript).join('') }));
  });
  session.on('transport_event', (event) => {
    if (event.type === 'response.output_audio_transcript.delta') {
      report.hears(event.item_id).text += event.delta;
    } else if (event.type === 'conversation.item.input_audio_transcription.completed') {
      report.caller.push(event.transcript);
    } else if (event.type === 'response.done') {
      if (answers === 1 && report.caller.length === 0) speaker.silent().then(() => microphone.ask());
      if (answers === 3) setTimeout(finish, 200); // the history has to follow
    }
  });

  await session.connect({ apiKey: order.key, url: order.url });
  session.transport.sendEvent({ type: 'response.create' });
  microphone.start();
  await done;
  microphone.stop();
  const closed = new Promise((resolve) => session.transport.on('connection_change', resolve));
  session.close();
  await closed;
});
