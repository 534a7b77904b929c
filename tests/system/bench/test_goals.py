from __future__ import annotations

from tests.system.bench.field import KERAS_FUNCTION, LIMIT, US
from tests.system.bench.figures import Figure
from tests.system.bench.goals import AGAINST_THE_KERAS_FUNCTION, AGAINST_THE_LIMIT, http_goals
from tests.system.bench.over_http import COLD, COLD_RECORDED, MEMORY, RATE, SATURATED, large, latency
from tests.system.bench.results import Results

UNITS = {COLD: "s", COLD_RECORDED: "s", RATE: "requests/s", MEMORY: "MiB"}


def figures(values: dict[tuple[str, str], float]) -> list[Figure]:
    return [Figure(contestant, what, UNITS.get(what, "ms"), (value,)) for (contestant, what), value in values.items()]


GOOD = {
    (US, COLD): 0.5,
    (US, COLD_RECORDED): 0.7,
    (US, latency(50, 1)): 6.0,
    (LIMIT, latency(50, 1)): 5.0,
    (US, RATE): 300.0,
    (LIMIT, RATE): 320.0,
    (US, latency(50, SATURATED)): 50.0,
    (US, latency(99, SATURATED)): 120.0,
    (US, MEMORY): 180.0,
}
AGAINST_KERAS = {
    (US, large("12 MP JPEG")): 20.0,
    (KERAS_FUNCTION, large("12 MP JPEG")): 200.0,
    (KERAS_FUNCTION, COLD): 8.0,
}


def test_goals_without_peers_are_those_against_the_limit() -> None:
    goals, unjudged = http_goals(figures(GOOD), peers=[])
    assert [goal.sentence for goal in goals] == [hope.sentence for hope in AGAINST_THE_LIMIT]
    assert all(goal.holds for goal in goals)
    assert unjudged == []


def test_goal_without_its_figure_is_listed_as_not_judged() -> None:
    without = {key: value for key, value in GOOD.items() if key != (US, MEMORY)}
    _, unjudged = http_goals(figures(without), peers=[])
    assert unjudged == [hope.sentence for hope in AGAINST_THE_LIMIT if hope.figure == (US, MEMORY)]
    _, unjudged = http_goals(figures(GOOD), peers=[KERAS_FUNCTION])
    assert set(unjudged) == {hope.sentence for hope in AGAINST_THE_KERAS_FUNCTION}


def test_goals_include_the_keras_function_where_it_is_a_peer() -> None:
    goals, _ = http_goals(figures(GOOD | AGAINST_KERAS), peers=[KERAS_FUNCTION])
    held = {goal.sentence: goal.holds for goal in goals}
    assert all(held[hope.sentence] for hope in AGAINST_THE_KERAS_FUNCTION)


def test_goal_to_be_ahead_compares_with_the_best_peer() -> None:
    peers = {("a", RATE): 100.0, ("b", RATE): 301.0, ("a", MEMORY): 181.0, ("b", MEMORY): 900.0}
    goals, _ = http_goals(figures(GOOD | peers), peers=["a", "b"])
    ahead = {goal.figure.what: goal for goal in goals if goal.sentence.startswith("ahead")}
    assert set(ahead) == {RATE, MEMORY}
    assert (ahead[RATE].over, ahead[RATE].holds) == (figures({("b", RATE): 301.0})[0], False)
    assert (ahead[MEMORY].over, ahead[MEMORY].holds) == (figures({("a", MEMORY): 181.0})[0], True)


def test_exit_code_is_1_for_a_missed_goal_and_2_for_a_part_that_failed() -> None:
    goals, _ = http_goals(figures(GOOD), peers=[])
    assert Results("", 1, goals=goals).exit_code == 0
    slow, _ = http_goals(figures(GOOD | {(US, RATE): 1.0}), peers=[])
    assert Results("", 1, goals=slow).exit_code == 1
    assert Results("", 1, goals=slow, failures={"BentoML": "no wheel"}).exit_code == 2
    assert Results("", 1, goals=goals, unjudged=["memory"]).exit_code == 2
