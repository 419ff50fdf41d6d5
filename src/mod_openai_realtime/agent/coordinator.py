"""When the model is asked for a response, and how its tool calls are answered. Sans-I/O: what happened and the time
come in, actions come out.

The calls of one response are a batch. All of them are answered, whatever becomes of them; once they are, and their
response is over, exactly one `response.create` follows for the batch. What a hook or a tool wants said (a Request) is
extra, in its turn. Neither is sent while a response is under way, while another `response.create` is unanswered, or
while the server is about to answer the caller by itself.

Where the server has answered by itself, and so late that it knew all outputs of a batch, none follows for that batch.
Its acknowledgement of an output tells: the server sends it in the order in which it has worked. A server that never
acknowledges counts as having known what had been sent. Batches that wait at the same time have one response in common.

Times are seconds of any clock that never goes back.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .actions import FILLER_S, Action, Began, Filler, Over, Rules, Run, Send, Stop, Trouble
from .batches import Batch, Create, Request, Response, ToolCall
from .fields import object_of, text_of

CREATE_S = 10.0  # so long a response.create may be unanswered: some servers refuse without naming what
DOUBT_S = 2.0  # and after a response of which nobody knows whether it was the one
RETRY_S = 1.0  # after a refusal whose end nothing will tell
ATTEMPTS = 3  # a response.create that is refused for anything but another response
BUSY_ATTEMPTS = 60  # and for another response, of which nothing is known
ANSWER_S = 3.0  # so long after the caller's turn the server's own response is waited for
LONGEST_SPEECH_S = 60.0  # a caller who has spoken for longer has stopped, and nobody told
SILENT_RESPONSE_S = 60.0  # a response of which nothing has come for so long is over, and nobody told
MAX_UNANSWERED = 64
"""Calls at a time; any more are answered with an error."""
MAX_REQUESTS = 32
"""That wait."""
MAX_REMEMBERED = 256
"""Calls that have been answered: a server may tell of one several times, and forgets some with its connection."""

TOKEN = "agent"  # noqa: S105
"""In a response's metadata: what asked for it."""
_BUSY = "conversation_already_has_active_response"
_ACKNOWLEDGES = frozenset({"conversation.item.added", "conversation.item.created", "conversation.item.done"})


class Coordinator:
    """Of one call, over all its sessions."""

    def __init__(self, rules: Callable[[str], Rules]) -> None:
        """`rules`: of the tool of a name, also of one that there is not."""
        self._rules = rules
        self._connected = False
        self._order = 0
        self._number = 0
        self._calls: OrderedDict[str, ToolCall] = OrderedDict()
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._batches: list[Batch] = []
        self._requests: deque[Request] = deque()
        self._responses: dict[str, Response] = {}
        self._create: Create | None = None
        self._answered: OrderedDict[str, tuple[Request, Response]] = OrderedDict()
        self._outputs: OrderedDict[str, ToolCall] = OrderedDict()
        self._echoes: bool | None = None  # whether the server gives metadata back, once that is known
        self._answers_itself = True
        self._speaking_until: float | None = None
        self._answer_until: float | None = None
        self._not_before: float | None = None
        self._actions: list[Action] = []

    # -- what is to be known from outside

    @property
    def responding(self) -> bool:
        """A response is under way, or has been asked for."""
        return bool(self._responses) or self._create is not None

    @property
    def waiting(self) -> bool:
        """A response will be asked for, as soon as that is possible, or is expected of the server."""
        return bool(self._requests) or self._answer_until is not None or any(map(self._due, self._batches))

    @property
    def wanted(self) -> bool:
        """Something is to be said that has not been asked for yet."""
        return bool(self._requests)

    @property
    def unanswered(self) -> list[str]:
        """Ids of the calls whose tools run."""
        return [call.id for call in self._calls.values() if call.output is None]

    @property
    def deadline(self) -> float | None:
        """When tick() has something to do, if nothing else happens; None: never."""
        times = [self._speaking_until, self._answer_until]
        for call in self._calls.values():
            if call.output is None and call.suspended is None:
                times.append(call.deadline)
                if call.filler_due:
                    times.append(call.started + FILLER_S)
        if self._create is not None:
            times.append(self._create.deadline)
        elif self.waiting:
            times.append(self._not_before)
        times += [batch.doubt_until for batch in self._batches if batch.answer is not None]
        times += [response.heard_of + SILENT_RESPONSE_S for response in self._responses.values()]
        return min((time for time in times if time is not None), default=None)

    # -- what happens

    def take_up(self, calls: Iterable[tuple[str, str, str]], now: float) -> list[Action]:
        """Id, name and arguments of calls whose tools ran in another process, which has died: they have failed."""
        batch = Batch("", closed=True)
        for call_id, name, arguments in calls:
            call = self._calls[call_id] = ToolCall(call_id, name, arguments, batch, self._rules(name), now)
            batch.calls.append(call)
            self._answer(call, _error("The tool failed: its process has ended."), call.rules.reply)
        if batch.calls:
            self._batches.append(batch)
        return self._done(now)

    def connected(self, now: float) -> list[Action]:
        """A session is there; client events may be sent."""
        self._connected = True
        return self._done(now)

    def lost(self, now: float) -> list[Action]:
        """The session is gone; what it knew is restored in the next, but for calls without an output."""
        self._connected = False
        self._speaking_until = self._answer_until = self._not_before = None
        responses, self._responses = list(self._responses.values()), {}
        for response in responses:
            self._over(response, "lost")
        if self._create is not None:
            self._put_back(self._create.request)
            self._create = None
        self._answered.clear()
        self._outputs.clear()
        for batch in self._batches:
            batch.closed, batch.answer = True, None
        for call in self._calls.values():
            if call.acknowledged is None:
                call.sent, call.paired = None, True
        return self._done(now)

    def request(
        self, token: str, response: Mapping[str, Any] | None, now: float, *, covers: bool = False
    ) -> list[Action]:
        """A response is wanted beside what tools lead to; Began and Over tell of it by `token`. `response`: as in
        response.create. `covers`: it answers tools' outputs as any response does, so none needs to follow upon them."""
        if len(self._requests) >= MAX_REQUESTS:
            self._actions.append(Over(token, None, "refused", "too many responses are waited for"))
        else:
            body = dict(response) if response is not None else None
            self._requests.append(Request(self._tell(), token, body, covers=covers))
        return self._done(now)

    def withdraw(self, token: str, now: float) -> list[Action]:
        """It is not wanted any more; nothing happens where it has been asked for."""
        for request in self._requests:
            if request.token == token and not request.batches:
                self._requests.remove(request)
                self._actions.append(Over(token, None, "withdrawn"))
                break
        return self._done(now)

    def result(self, call_id: str, output: str, now: float, *, follow: bool | None = None) -> list[Action]:
        """A tool is done; nothing happens where it has been answered. `follow`: whether the model is to answer; None:
        as the rules of the tool say."""
        call = self._calls.get(call_id)
        if call is not None and call.output is None:
            self._answer(call, output, call.rules.reply if follow is None else follow)
        return self._done(now)

    def suspend(self, call_id: str, now: float) -> list[Action]:
        """The tool's time does not count until resume(): it waits for what the caller hears, or for the switch."""
        call = self._calls.get(call_id)
        if call is not None and call.suspended is None:
            call.suspended = now
            call.filler_due = False
        return self._done(now)

    def resume(self, call_id: str, now: float) -> list[Action]:
        call = self._calls.get(call_id)
        if call is not None and call.suspended is not None:
            call.started += now - call.suspended
            call.suspended = None
        return self._done(now)

    def server_said(self, event: Mapping[str, Any], now: float) -> list[Action]:
        """Any message of the server."""
        kind = event.get("type")
        response = self._responses.get(text_of(event.get("response_id")))
        if response is not None:
            response.heard_of = now
        handle = _HANDLERS.get(kind) if isinstance(kind, str) else None
        if handle is not None:
            handle(self, event, now)
        elif kind in _ACKNOWLEDGES:
            self._item(event)
        return self._done(now)

    def tick(self, now: float) -> list[Action]:
        """Time has passed: at `deadline`, or whenever."""
        if self._speaking_until is not None and now >= self._speaking_until:
            self._speaking_until = None
        if self._answer_until is not None and now >= self._answer_until:
            self._answer_until = None
        for call in list(self._calls.values()):
            if call.output is not None or call.suspended is not None:
                continue
            if now >= call.deadline:
                self._actions.append(Stop(call.id, call.rules.timeout_s))
                self._answer(call, _error(f"The tool took longer than {call.rules.timeout_s:g} s."), call.rules.reply)
            elif call.filler_due and now >= call.started + FILLER_S:
                call.filler_due = False
                self._actions.append(Filler(call.id, call.name))
        create = self._create
        if create is not None and now >= create.deadline:
            if create.candidate is not None and create.candidate_status:
                self._echoes = False
                self._taken(create, create.candidate)
                self._over(create.candidate, create.candidate_status)
            else:
                self._create = None
                self._refused(create.request, "no answer", now, busy=False)
        self._batches = [each for each in self._batches if each.answer is None or now < each.doubt_until]
        for response in list(self._responses.values()):
            if now >= response.heard_of + SILENT_RESPONSE_S:
                self._actions.append(Trouble(f"response {response.id} has no end: taken as over"))
                self._response_over(response.id, "lost", now)
        return self._done(now)

    # -- messages of the server

    def _session(self, event: Mapping[str, Any], now: float) -> None:
        session = object_of(event.get("session"))
        detection: Any = session.get("turn_detection", ...)
        detection = object_of(object_of(session.get("audio")).get("input")).get("turn_detection", detection)
        if detection is not ...:
            self._answers_itself = isinstance(detection, dict) and detection.get("create_response") is not False
            if not self._answers_itself:
                self._speaking_until = self._answer_until = None

    def _speech_started(self, event: Mapping[str, Any], now: float) -> None:
        self._answer_until = None
        if self._answers_itself:
            self._speaking_until = now + LONGEST_SPEECH_S

    def _speech_over(self, event: Mapping[str, Any], now: float) -> None:
        self._speaking_until = None
        if self._answers_itself and not self._responses:
            self._answer_until = now + ANSWER_S

    def _created(self, event: Mapping[str, Any], now: float) -> None:
        fields = object_of(event.get("response"))
        token = object_of(fields.get("metadata")).get(TOKEN)
        response = Response(text_of(fields.get("id")), self._tell(), None, now)
        self._responses[response.id] = response
        expected, self._answer_until = self._answer_until is not None, None
        create = self._create
        if create is None:
            return
        if token is not None:
            self._echoes = True
            ours = token == create.request.token
        else:
            ours = self._echoes is False and not expected
            if self._echoes is None and not expected and create.candidate is None:
                create.candidate = response
        if ours:
            self._taken(create, response)

    def _taken(self, create: Create, response: Response) -> None:
        """The response is the one that was asked for."""
        self._create = None
        response.request = create.request
        self._answered[create.event_id] = create.request, response
        if len(self._answered) > MAX_REQUESTS:
            self._answered.popitem(last=False)
        if not create.request.batches:
            self._actions.append(Began(create.request.token, response.id))

    def _done_response(self, event: Mapping[str, Any], now: float) -> None:
        fields = object_of(event.get("response"))
        response_id, status = text_of(fields.get("id")), text_of(fields.get("status")) or "completed"
        output = fields.get("output")
        for item in output if isinstance(output, list) else ():
            if isinstance(item, dict):
                self._call_item(item, response_id, now)
        details = object_of(object_of(fields.get("status_details")).get("error"))
        self._response_over(response_id, status, now, text_of(details.get("message")) or text_of(details.get("code")))

    def _output_item(self, event: Mapping[str, Any], now: float) -> None:
        self._call_item(object_of(event.get("item")), text_of(event.get("response_id")), now)

    def _call_item(self, item: Mapping[str, Any], response_id: str, now: float) -> None:
        # One that is not whole (its response was cancelled in the middle of it) is no call.
        if item.get("type") != "function_call" or item.get("status") in ("incomplete", "in_progress"):
            return
        self._called(
            text_of(item.get("call_id")), text_of(item.get("name")), text_of(item.get("arguments")), response_id, now
        )

    def _called(self, call_id: str, name: str, arguments: str, response_id: str, now: float) -> None:
        known = self._calls.get(call_id)
        if not call_id or (response_id, call_id) in self._seen or (known is not None and known.output is None):
            return
        self._seen[response_id, call_id] = None
        if len(self._seen) > 8 * MAX_REMEMBERED:
            self._seen.popitem(last=False)
        batch = self._open_batch(response_id)
        if batch is None:
            batch = Batch(response_id)
            self._batches.append(batch)
        rules = self._rules(name)
        call = ToolCall(call_id, name, arguments, batch, rules, now, filler_due=rules.filler)
        full = len(self.unanswered) >= MAX_UNANSWERED
        batch.calls.append(call)
        self._calls[call_id] = call
        if full:
            self._answer(call, _error("Too many tools are running already."), rules.reply)
        else:
            self._actions.append(Run(call_id, name, arguments))

    def _item(self, event: Mapping[str, Any]) -> None:
        item = object_of(event.get("item"))
        if item.get("type") == "function_call_output":
            call = self._calls.get(text_of(item.get("call_id")))
            if call is not None and call.sent is not None and call.acknowledged is None:
                call.acknowledged = self._tell()
                batch = call.batch
                if batch.answer is not None and batch.is_known_to(batch.answer) is False:
                    batch.answer = None

    def _error(self, event: Mapping[str, Any], now: float) -> None:
        error = object_of(event.get("error"))
        event_id, busy = error.get("event_id"), error.get("code") == _BUSY
        why = text_of(error.get("message")) or text_of(error.get("code")) or "refused"
        if self._create is not None and (event_id == self._create.event_id or (event_id is None and busy)):
            create, self._create = self._create, None
            self._refused(create.request, why, now, busy=busy)
        elif isinstance(event_id, str) and event_id in self._answered:
            # What was taken for its response was the server's own.
            request, response = self._answered.pop(event_id)
            if response.id in self._responses or request.batches:
                response.request = None
                self._refused(request, why, now, busy=busy)
        elif isinstance(event_id, str) and event_id in self._outputs:
            call = self._outputs.pop(event_id)
            if call.paired:
                self._actions.append(Trouble(f"the output of {call.name} was refused: {why}"))
            else:
                call.sent, call.paired = None, True

    # -- what follows

    def _open_batch(self, response_id: str) -> Batch | None:
        return next((each for each in self._batches if each.response_id == response_id and not each.closed), None)

    def _tell(self) -> int:
        """The order of things."""
        self._order += 1
        return self._order

    def _answer(self, call: ToolCall, output: str, follow: bool) -> None:
        call.output = output
        call.batch.follow = call.batch.follow or follow

    def _response_over(self, response_id: str, status: str, now: float, reason: str = "") -> None:
        batch = self._open_batch(response_id)
        if batch is not None:
            batch.closed = True
        response = self._responses.pop(response_id, None)
        if response is None:
            return
        create = self._create
        if create is not None and create.candidate is response:
            # Either what was asked for, or the server's own, and what was asked for is still on its way.
            create.candidate_status = status
            create.deadline = min(create.deadline, now + DOUBT_S)
        if (response.request is None or response.request.covers) and status not in ("failed", "lost"):
            # Also of those for which a response has been asked for: where that is refused, they need none any more.
            asked = create.request.batches if create is not None else []
            for each in [*self._batches, *asked]:
                known = each.is_known_to(response)
                each.answered = known is True
                if known is None:
                    each.answer, each.doubt_until = response, now + DOUBT_S
            self._batches = [each for each in self._batches if not each.answered]
        self._over(response, status, reason)

    def _over(self, response: Response, status: str, reason: str = "") -> None:
        request = response.request
        if request is not None and not request.batches:
            self._actions.append(Over(request.token, response.id, status, reason))

    def _refused(self, request: Request, why: str, now: float, *, busy: bool) -> None:
        request.attempts += 1
        if request.attempts >= (BUSY_ATTEMPTS if busy else ATTEMPTS):
            if request.batches:
                self._actions.append(Trouble(f"no response to what the tools have answered: {why}"))
            else:
                self._actions.append(Over(request.token, None, "refused", why))
            return
        if not self._responses or not busy:
            self._not_before = now + RETRY_S
        self._put_back(request)

    def _put_back(self, request: Request) -> None:
        if not request.batches:
            self._requests.appendleft(request)
        self._batches += [each for each in request.batches if not each.answered]

    def _due(self, batch: Batch) -> bool:
        return batch.follow and batch.is_ready() and batch.answer is None

    def _done(self, now: float) -> list[Action]:
        if self._connected:
            self._send_outputs()
            self._ask(now)
        actions, self._actions = self._actions, []
        return actions

    def _send_outputs(self) -> None:
        for call in list(self._calls.values()):
            if call.output is None or call.sent is not None:
                continue
            call.sent, call.acknowledged = self._tell(), None
            if call.paired:
                self._create_item(
                    {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}
                )
            event_id = self._create_item({"type": "function_call_output", "call_id": call.id, "output": call.output})
            self._outputs[event_id] = call
            if len(self._outputs) > MAX_REMEMBERED:
                self._outputs.popitem(last=False)
        for batch in list(self._batches):
            if batch.is_ready():
                batch.ready = batch.ready or self._tell()
                if not batch.follow:
                    self._batches.remove(batch)
        self._forget()

    def _create_item(self, item: dict[str, Any]) -> str:
        event_id = f"{TOKEN}_item_{self._tell()}"
        self._actions.append(Send({"type": "conversation.item.create", "event_id": event_id, "item": item}))
        return event_id

    def _forget(self) -> None:
        answered = [call for call in self._calls.values() if call.sent is not None and not self._is_open(call.batch)]
        for index, call in enumerate(answered):
            if call.acknowledged is not None or index < len(answered) - MAX_REMEMBERED:
                del self._calls[call.id]

    def _is_open(self, batch: Batch) -> bool:
        return batch in self._batches or (self._create is not None and batch in self._create.request.batches)

    def _ask(self, now: float) -> None:
        if self.responding or self._speaking_until is not None or self._answer_until is not None:
            return
        if self._not_before is not None and now < self._not_before:
            return
        self._not_before = None
        due = [batch for batch in self._batches if self._due(batch)]
        first = min((batch.ready or 0 for batch in due), default=None)
        if self._requests and (first is None or self._requests[0].order < first):
            request = self._requests.popleft()
        elif first is not None:
            self._number += 1
            # Those of which it is in doubt whether they need one have it, too.
            served = [batch for batch in self._batches if batch.follow and batch.is_ready()]
            request = Request(self._tell(), f"tools-{self._number}", None, served)
            self._batches = [batch for batch in self._batches if batch not in served]
        else:
            return
        event_id = f"{TOKEN}_{request.order}_{request.attempts}"
        response = dict(request.response or {})
        response["metadata"] = {**object_of(response.get("metadata")), TOKEN: request.token}
        self._create = Create(request, event_id, now + CREATE_S)
        self._actions.append(Send({"type": "response.create", "event_id": event_id, "response": response}))


def _error(text: str) -> str:
    return f'{{"error":"{text}"}}'


_HANDLERS: dict[str, Callable[[Coordinator, Mapping[str, Any], float], None]] = {
    "session.created": Coordinator._session,
    "session.updated": Coordinator._session,
    "input_audio_buffer.speech_started": Coordinator._speech_started,
    "input_audio_buffer.speech_stopped": Coordinator._speech_over,
    "input_audio_buffer.committed": Coordinator._speech_over,
    "response.created": Coordinator._created,
    "response.output_item.done": Coordinator._output_item,
    "response.done": Coordinator._done_response,
    "error": Coordinator._error,
}
