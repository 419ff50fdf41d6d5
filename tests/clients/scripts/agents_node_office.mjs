// `@openai/agents-realtime`, what else it does: messages, a handoff, a picture, an interruption by the application, a
// tool of an MCP server that the user has to approve, and a history that is changed.

import { RealtimeAgent, RealtimeSession } from '@openai/agents-realtime';
import { hostedMcpTool, setTracingDisabled } from '@openai/agents-core';

import { order, pause, report, run } from './telephone.mjs';

const PICTURE =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

run(async () => {
  setTracingDisabled(true);
  const wiki = hostedMcpTool({ serverLabel: 'wiki', serverUrl: 'https://wiki.invalid/mcp', requireApproval: 'always' });
  const expert = new RealtimeAgent({ name: 'expert', instructions: 'You know all.', tools: [wiki] });
  const desk = new RealtimeAgent({ name: 'desk', instructions: 'You put people through.', handoffs: [expert] });
  const session = new RealtimeSession(desk, { transport: 'websocket', model: order.model });
  let answered = [];
  let waiting = () => {};

  // The next `count` responses that have ended.
  const responses = async (count) => {
    while (answered.length < count) await new Promise((resolve) => (waiting = resolve));
    answered = answered.slice(count);
    await pause(100); // what follows from them is sent
  };

  session.on('error', (error) => report.errors.push(JSON.stringify(error)));
  session.on('agent_handoff', (_context, from, to) => {
    report.tools.push({ name: 'handoff', arguments: [from.name, to.name] });
  });
  session.on('tool_approval_requested', (_context, _agent, request) => {
    report.tools.push({ name: 'approval', arguments: request.approvalItem.rawItem.name });
    session.approve(request.approvalItem);
  });
  session.on('transport_event', (event) => {
    if (event.type === 'response.output_audio_transcript.done') {
      report.hears(event.item_id).text = event.transcript;
    } else if (event.type === 'response.done') {
      answered.push(event.response.status);
      waiting();
    }
  });

  await session.connect({ apiKey: order.key, url: order.url });
  session.sendMessage('Hello');
  await responses(2);
  session.addImage(PICTURE);
  await responses(1);
  session.sendMessage('Tell me when you are open.');
  await new Promise((resolve) => session.once('audio', resolve));
  await pause(500);
  session.interrupt();
  report.interruptions += 1;
  await responses(1);
  session.sendMessage('Ask the wiki.');
  await responses(2);
  session.updateHistory((history) => history.filter((item) => item.content?.[0]?.text !== 'Hello'));
  await pause(200);
  session.sendMessage('Goodbye');
  await responses(1);
  report.history = session.history.map(({ role, status, content = [] }) => ({
    role,
    status,
    text: content.map((part) => part.transcript ?? part.text ?? '').join(''),
  }));
  session.close();
});
