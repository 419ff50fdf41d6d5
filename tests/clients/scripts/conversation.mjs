// The conversation in plain events, for clients that are little more than a connection.

import { ANSWER_HEARD_MS, Loudspeaker, Microphone, order, report, toolResult } from './telephone.mjs';

// `send(event)` sends one; the returned function takes each that comes. `done` resolves at the end.
export function conversation(send) {
  let finish;
  const done = new Promise((resolve) => (finish = resolve));
  const microphone = new Microphone((piece) =>
    send({ type: 'input_audio_buffer.append', audio: piece.toString('base64') }),
  );
  let speaker = new Loudspeaker();
  let playing;
  let answers = 0;

  function begin() {
    send({
      type: 'session.update',
      session: {
        type: 'realtime',
        instructions: order.instructions,
        tools: [{ type: 'function', ...order.tool }],
        audio: { input: { transcription: { model: 'gpt-4o-transcribe' } } },
      },
    });
    send({ type: 'response.create' });
    microphone.start();
  }

  function play(event) {
    if (playing !== event.item_id) {
      playing = event.item_id;
      speaker = new Loudspeaker();
      answers += 1;
      if (answers === 2) speaker.heard(ANSWER_HEARD_MS).then(() => microphone.interrupt());
    }
    const bytes = Buffer.from(event.delta, 'base64').length;
    speaker.play(bytes);
    report.hears(event.item_id).audio_ms += bytes / 48;
  }

  function bargeIn() {
    if (!speaker.playing) return;
    report.interruptions += 1;
    send({
      type: 'conversation.item.truncate',
      item_id: playing,
      content_index: 0,
      audio_end_ms: speaker.heardMs,
    });
    speaker = new Loudspeaker();
  }

  function answered(response) {
    const calls = response.output.filter((item) => item.type === 'function_call');
    for (const { name, call_id, arguments: text } of calls) {
      report.tools.push({ name, arguments: JSON.parse(text) });
      const item = { type: 'function_call_output', call_id, output: toolResult() };
      send({ type: 'conversation.item.create', item });
    }
    if (calls.length) {
      send({ type: 'response.create' });
    } else if (answers === 1) {
      speaker.silent().then(() => microphone.ask());
    } else if (answers === 3) {
      microphone.stop();
      finish();
    }
  }

  const handlers = {
    'session.created': begin,
    'response.output_audio.delta': play,
    'response.output_audio_transcript.delta': (event) => (report.hears(event.item_id).text += event.delta),
    'conversation.item.input_audio_transcription.completed': (event) => report.caller.push(event.transcript),
    'input_audio_buffer.speech_started': bargeIn,
    'response.done': (event) => answered(event.response),
    error: (event) => report.errors.push(event.error.message),
  };
  return { take: (event) => handlers[event.type]?.(event), done };
}
