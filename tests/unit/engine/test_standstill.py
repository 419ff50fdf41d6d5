from mod_openai_realtime.engine.standstill import LOOK_S, LOOKS, Standstill


def looks(standstill: Standstill, ticks: list[int], from_s: float = 100.0) -> list[int]:
    return [standstill.look(each, from_s + number * LOOK_S) for number, each in enumerate(ticks)]


def test_a_worker_whose_clock_goes_on_is_well() -> None:
    assert set(looks(Standstill(), list(range(5 * LOOKS)))) == {0}


def test_one_without_a_tick_for_so_many_looks_stands_still() -> None:
    assert looks(Standstill(), [7] * (LOOKS + 3)) == [0] * (LOOKS + 1) + [1, 2]


def test_one_that_goes_on_again_is_well() -> None:
    standstill = Standstill()
    assert set(looks(standstill, [7] * (LOOKS + 1))) == {0}
    assert set(looks(standstill, [8] * (LOOKS + 1), 200.0)) == {0}


def test_a_new_one_is_well() -> None:
    standstill = Standstill()
    looks(standstill, [7] * (LOOKS + 2))
    assert set(looks(standstill, [0] * (LOOKS + 1), 200.0)) == {0}


def test_looks_that_come_together_count_once() -> None:
    standstill = Standstill()
    assert {standstill.look(7, 100.0) for _ in range(100)} == {0}


def test_a_machine_that_stood_still_itself_is_one_look() -> None:
    standstill = Standstill()
    standstill.look(7, 100.0)
    assert standstill.look(7, 100_000.0) == 0
