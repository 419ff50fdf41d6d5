"""After a barge-in: late audio is silent, new responses are heard, whatever the server does about ids."""

from mod_openai_realtime.conversation.responses import BLOCKED_LIMIT, Responses
from mod_openai_realtime.dialect.client_messages import client_message
from mod_openai_realtime.limits import MAX_RESPONSES


def test_late_audio_of_an_interrupted_response_is_not_audible() -> None:
    responses = Responses()
    responses.created("r1")
    assert responses.audible("r1")
    responses.interrupt()
    assert not responses.audible("r1")
    assert not responses.audio_done("r1")
    assert not responses.audible("r1")
    assert not responses.done("r1")
    assert not responses.audible("r1")


def test_only_the_newest_interrupted_responses_are_remembered() -> None:
    responses = Responses()
    names = [f"r{index}" for index in range(BLOCKED_LIMIT + 1)]
    for name in names:
        responses.created(name)
        responses.interrupt()
        responses.done(name)
    assert [name for name in names if responses.audible(name)] == names[:1]


def test_a_response_that_had_sent_nothing_yet_is_interrupted_too() -> None:
    responses = Responses()
    responses.created("r1")
    responses.interrupt()
    assert not responses.audible("r1")


def test_a_new_response_is_audible() -> None:
    responses = Responses()
    responses.created("r1")
    responses.interrupt()
    assert responses.audible("r2")


def test_an_id_that_is_used_again_is_audible() -> None:
    responses = Responses()
    responses.created("r1")
    responses.interrupt()
    responses.created("r1")
    assert responses.audible("r1")


def test_a_finished_response_does_not_block_its_id() -> None:
    responses = Responses()
    responses.created("r1")
    responses.audible("r1")
    responses.done("r1")
    responses.interrupt()
    assert responses.audible("r1")


def test_without_announcements_the_end_of_the_audio_frees_the_id() -> None:
    responses = Responses()
    assert responses.audible("same")
    responses.interrupt()
    assert not responses.audible("same")
    assert not responses.audio_done("same")
    assert responses.audible("same")


def test_audio_without_ids_is_blocked_until_the_turn_is_over() -> None:
    responses = Responses()
    assert responses.audible(None)
    responses.interrupt()
    assert not responses.audible(None)
    responses.turn_ended()
    assert responses.audible(None)


def test_audio_without_ids_is_not_blocked_when_nothing_was_alive() -> None:
    responses = Responses()
    assert responses.audible(None)
    responses.audio_done(None)
    responses.interrupt()
    assert responses.audible(None)


def test_raw_audio_is_blocked_only_while_an_announced_response_was_interrupted() -> None:
    responses = Responses()
    responses.interrupt()
    assert responses.raw_audible()
    responses.created("r1")
    responses.interrupt()
    assert not responses.raw_audible()
    responses.created("r2")
    assert responses.raw_audible()


def test_audio_without_an_id_stays_blocked_through_a_second_interruption() -> None:
    responses = Responses()
    assert responses.audible(None)
    responses.interrupt()
    responses.interrupt()
    assert not responses.audible(None)


def test_only_the_chosen_are_blocked_and_those_under_way_are_told() -> None:
    responses = Responses()
    responses.created("r1")
    responses.created("r2")
    assert responses.audible("r3")
    assert responses.interrupt(lambda name: name != "r2") == ["r1"]
    assert responses.audible("r2") and not responses.audible("r1") and not responses.audible("r3")
    assert responses.any_announced
    responses.done("r2")
    assert not responses.any_announced


def test_audio_without_an_id_is_heard_while_a_response_is_left_that_it_may_be_of() -> None:
    responses = Responses()
    responses.created("r1")
    responses.created("r2")
    responses.interrupt(lambda name: name == "r1")
    assert responses.raw_audible() and responses.audible(None)
    responses.interrupt(lambda name: name is None)
    assert not responses.raw_audible()


def test_a_response_is_interruptible_unless_its_metadata_say_otherwise() -> None:
    responses = Responses()
    assert responses.interruptible("r1") and responses.interruptible(None)
    responses.created("r1", {"interruptible": "false"})
    assert not responses.interruptible("r1")
    assert not responses.interruptible(None), "it can only be of that one"
    assert responses.audible(None) and not responses.interruptible(None)
    responses.created("r2")
    assert responses.interruptible("r2")
    responses.created("r1")
    assert responses.interruptible("r1"), "the id of another response by now"


def test_a_server_that_announces_nothing_is_asked_by_order() -> None:
    responses = Responses()
    message = client_message(b'{"type":"response.create","response":{"metadata":{"interruptible":"false"}}}')
    assert message is not None
    responses.requests.sent(message)
    assert responses.audible("r1") and not responses.interruptible("r1")
    assert responses.audible("r2") and responses.interruptible("r2")


def test_a_response_that_is_announced_again_is_the_newest() -> None:
    responses = Responses()
    for number in range(MAX_RESPONSES):
        responses.created(f"r{number}")
    responses.created("r0")
    responses.created("new")
    assert responses.is_playing("r0") and not responses.is_playing("r1")
