"""The interpreter: who is made to hear whom. `pytest` in this folder."""

from interpreter import Interpreter

from mod_openai_realtime.agent.testing import Desk, DeskCall

MEMBERS = {"anna": "1", "bob": "2", "leg-b": "4"}  # 3 is the other interpreter


class Conference(DeskCall):
    """FreeSWITCH's answers about a conference."""

    def start(self) -> None:
        self.answers["uuid_getvar"] = lambda arguments: MEMBERS[arguments.split()[0]]
        self.answers["conference"] = lambda arguments: LIST if arguments.endswith(" list") else "+OK"
        super().start()


LIST = "".join(f"{number};sofia/x;uuid;name;number;hear|speak;0;0;100;0\n" for number in (4, 3, 2, 1))


async def interpreting(desk: Desk) -> DeskCall:
    desk.call_type = Conference
    parameters = {"room": "talk", "hears": "anna", "tells": "bob", "into": "French"}
    return await desk.call(Interpreter, parameters=parameters, variables={"other_loopback_leg_uuid": "leg-b"})


async def test_it_is_told_which_language(desk: Desk) -> None:
    call = await interpreting(desk)
    assert call.plan is not None and "French" in call.plan.session["instructions"]


async def test_anna_is_heard_by_it_alone_and_it_by_bob_alone(desk: Desk) -> None:
    call = await interpreting(desk)
    relations = [arguments for _, name, arguments in call.executed if name == "conference" and "relate" in arguments]
    assert relations == [
        "talk relate 1 4,2 nohear",
        "talk relate 4 2 nohear",
        "talk relate 3 4 nohear",
        "talk relate 4 3 nohear",
    ]


async def test_it_says_nothing_by_itself(desk: Desk) -> None:
    call = await interpreting(desk)
    await call.waits(120)
    assert call.said == [] and call.call.state == "talking"
