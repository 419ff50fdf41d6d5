"""After a barge-in: late audio is silent, new responses are heard, whatever the server does about ids."""

from mod_openai_realtime.stream.responses import BLOCKED_LIMIT, Responses


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


def test_a_new_connection_forgets_everything() -> None:
    responses = Responses()
    responses.created("r1")
    responses.interrupt()
    responses.reset()
    assert responses.audible("r1") and responses.audible(None)
