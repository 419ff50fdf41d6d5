"""The survey: its logic at a desk, and a whole call with real audio: `pytest` in this folder."""

from pathlib import Path

import pytest
from survey import Survey

from mod_openai_realtime.agent import ToolError
from mod_openai_realtime.agent.testing import Desk, DeskCall, Phone


async def called(desk: Desk, folder: Path) -> DeskCall:
    parameters = {"customer": "4711", "results": str(folder / "survey.csv")}
    return await desk.call(Survey, direction="outbound", parameters=parameters)


async def test_an_answer_is_noted(desk: Desk, tmp_path: Path) -> None:
    call = await called(desk, tmp_path)
    await call.tool("note", satisfied=4)
    await call.tool("finish")
    assert await call.ended() == "hang_up"
    assert (tmp_path / "survey.csv").read_text() == "4711,4,hang_up\n"


async def test_no_other_answers(desk: Desk, tmp_path: Path) -> None:
    call = await called(desk, tmp_path)
    with pytest.raises(ToolError, match="Input should be 1, 2, 3, 4 or 5"):
        await call.tool("note", satisfied=6)


async def test_a_customer_who_hangs_up(desk: Desk, tmp_path: Path) -> None:
    call = await called(desk, tmp_path)
    await call.hangs_up()
    assert (tmp_path / "survey.csv").read_text() == "4711,,caller\n"


async def test_freeswitch_listens_for_beeps(desk: Desk, tmp_path: Path) -> None:
    call = await called(desk, tmp_path)
    asked = [arguments for _, name, arguments in call.executed if name == "tone_detect"]
    assert "beep-1000 1000 r +60 hangup NORMAL_CLEARING 1" in asked


async def test_where_freeswitch_cannot_it_goes_on_without(desk: Desk) -> None:
    desk.call_type = WithoutDetection
    call = await desk.call(Survey, direction="outbound")
    assert call.call.state == "talking"


class WithoutDetection(DeskCall):
    def start(self) -> None:
        self.fails("tone_detect", "invalid application")
        super().start()


async def test_no_survey_lasts_for_ever(desk: Desk, tmp_path: Path) -> None:
    call = await called(desk, tmp_path)
    for _ in range(20):
        if call.ended_with is None:
            await call.says("Let me think.")
            await call.waits(10)
    assert await call.ended() == "hang_up"


async def test_a_whole_call(phone: Phone, tmp_path: Path) -> None:
    async with phone.call(Survey, parameters={"results": str(tmp_path / "survey.csv")}) as caller:
        await caller.hears("good day")
        caller.model.will_call("note", satisfied=5).will_say("Thank you, goodbye.").will_call("finish")
        await caller.says("Five.")
        await caller.hears("thank you goodbye")
        assert [(run.name, run.arguments, run.error) for run in caller.tools] == [("note", {"satisfied": 5}, None)]
        await caller.says("Goodbye.", wait=False)
        assert await caller.ended() == "hang_up"
