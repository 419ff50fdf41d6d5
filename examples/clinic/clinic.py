"""A clinic's reception: opening hours, patient numbers on the keys, and a desk that is told who is calling."""

from datetime import datetime

from mod_openai_realtime.agent import Agent, Call, ToolError, tool

HOURS = dict.fromkeys(range(5), ("08:00", "18:00"))  # by weekday, Monday is 0
PATIENTS = {"123456": "Ann Miller"}


class Clinic(Agent):
    instructions = "You are the reception of a clinic. Be brief. In an emergency, have the caller hang up and dial 112."
    greeting = "Say good day, name the clinic, and ask how you can help."

    def is_open(self, now: datetime) -> bool:
        opens, closes = HOURS.get(now.weekday(), ("", ""))
        return opens <= f"{now:%H:%M}" < closes

    @tool
    async def opening_hours(self) -> dict[str, object]:
        """When the clinic is open, and whether it is now."""
        return {"monday to friday": "08:00 to 18:00", "open_now": self.is_open(datetime.now())}

    @tool
    async def ask_patient_number(self, call: Call) -> str:
        """Have the caller key in their patient number. Gives the patient's name."""
        await call.say("Please key in the six digits of your patient number.")
        digits = await call.digits(count=6)
        if digits not in PATIENTS:
            raise ToolError(f"There is no patient {digits!r}; nothing is keyed in where it is empty.")
        return PATIENTS[digits]

    @tool(timeout_s=120)
    async def desk(self, call: Call, name: str, concern: str) -> str:
        """Connect the caller to the desk, which is told the name and the concern first."""
        if not self.is_open(datetime.now()):
            raise ToolError("The clinic is closed; ask the caller to call again when it is open.")
        desk = call.parameters.get("desk", "user/1001")
        return (await call.consult(desk, f"{name} is calling. It is about: {concern}")).value
