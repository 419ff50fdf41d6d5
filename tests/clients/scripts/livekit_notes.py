"""`livekit-plugins-openai`, what else it does: text, other instructions and tools, a conversation that is changed."""

from __future__ import annotations

import asyncio

from livekit.agents import Agent, AgentSession, function_tool
from livekit.plugins import openai
from livekit_client import EarSide
from telephone import Order, Report, run


async def converse(order: Order, report: Report) -> None:
    @function_tool(name="clock")
    async def clock() -> str:
        """What time it is."""
        return "noon"

    model = openai.realtime.RealtimeModel(model=order.model, api_key=order.key, base_url=order.base_url)
    session: AgentSession[None] = AgentSession(
        llm=model,
        vad=None,
        turn_handling={"turn_detection": "realtime_llm", "interruption": {"resume_false_interruption": False}},
    )
    ear = EarSide(report)
    session.output.audio = ear
    session.on("error", lambda event: report.errors.append(str(event.error)))
    agent = Agent(instructions=order.instructions)
    await session.start(agent, record=False)
    await session.generate_reply(user_input="Hello")
    await agent.update_instructions("You tell people what time it is.")
    await agent.update_tools([clock])
    changed = agent.chat_ctx.copy()
    changed.items[:] = [item for item in changed.items if item.type != "message" or item.text_content != "Hello"]
    changed.add_message(role="system", content="The caller is called Ann.")
    changed.add_message(role="user", content="What time is it?")
    await agent.update_chat_ctx(changed)
    await session.generate_reply()
    speech = session.generate_reply(user_input="When are you open?")
    while ear.position_s < 0.5:  # noqa: ASYNC110 - it is time that is waited for
        await asyncio.sleep(0.02)
    await session.interrupt()
    await speech
    await session.generate_reply(user_input="Goodbye")
    await session.aclose()
    report.history = [
        {"role": item.role, "text": item.text_content, "interrupted": item.interrupted}
        for item in agent.chat_ctx.items
        if item.type == "message"
    ]


run(converse)
