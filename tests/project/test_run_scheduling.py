"""Tasks begin after those they need, side by side where they need nothing of each other, and stop well."""

from __future__ import annotations

import threading
from collections.abc import Callable
from threading import Barrier, Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asof.runs.scheduling import Task, side_by_side

TIMEOUT = 20


def task(name: str, *needs: str, work: Callable[[], str] | None = None) -> Task[str]:
    return Task(name, frozenset(needs), work or (lambda: name))


def done(tasks: list[Task[str]], at_once: int = 4) -> list[str]:
    ended: list[str] = []
    side_by_side(tasks, at_once, Event(), ended.append)
    return ended


@given(
    st.integers(0, 12).flatmap(
        lambda n: st.tuples(*[st.sets(st.integers(0, max(i - 1, 0))) for i in range(n)])
    )
)
def test_each_begins_after_those_it_needs(needs: tuple[set[int], ...]) -> None:
    begun: list[int] = []
    ended: set[int] = set()
    early: list[int] = []

    def work(number: int) -> Callable[[], str]:
        def at_work() -> str:
            begun.append(number)
            early.extend(each for each in needs[number] if each < number and each not in ended)
            ended.add(number)
            return str(number)

        return at_work

    tasks = [
        task(str(n), *(str(each) for each in needs[n] if each < n), work=work(n)) for n in range(len(needs))
    ]
    assert sorted(map(int, done(tasks))) == sorted(begun) == list(range(len(needs)))
    assert early == []


def test_what_is_not_to_be_done_is_not_waited_for() -> None:
    assert done([task("b", "a")]) == ["b"]


def test_independent_ones_are_side_by_side() -> None:
    both = Barrier(2)

    def meet() -> str:
        both.wait(TIMEOUT)
        return "met"

    assert done([task("a", work=meet), task("b", work=meet), task("c", "a", "b")]) == ["met", "met", "c"]


def test_no_more_are_at_work_than_may_be() -> None:
    lock, at_work, most = threading.Lock(), 0, 0
    third = Event()

    def work() -> str:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        third.wait(0.01)
        with lock:
            at_work -= 1
        return ""

    done([task(str(number), work=work) for number in range(12)], at_once=3)
    assert most == 3


def test_one_at_a_time_goes_in_the_given_order() -> None:
    tasks = [task("c"), task("a", "d"), task("b"), task("d")]
    assert done(tasks, at_once=1) == ["c", "b", "d", "a"]


def test_an_error_lets_others_end_and_starts_nothing_new() -> None:
    ended: list[str] = []
    failing = Event()

    def fail() -> str:
        failing.set()
        raise ValueError("no")

    def slow() -> str:
        assert failing.wait(TIMEOUT)
        return "slow"

    tasks = [task("slow", work=slow), task("bad", work=fail), task("late"), task("after", "slow")]
    with pytest.raises(ValueError, match="no"):
        side_by_side(tasks, 2, Event(), ended.append)
    assert ended == ["slow"]


def test_results_come_to_the_thread_of_the_caller() -> None:
    threads: set[int] = set()
    side_by_side([task("a"), task("b")], 2, Event(), lambda result: threads.add(threading.get_ident()))
    assert threads == {threading.get_ident()}


def test_where_the_caller_gives_up_those_at_work_are_told_and_waited_for() -> None:
    stop, ended = Event(), Event()

    def until_told() -> str:
        assert stop.wait(TIMEOUT)
        ended.set()
        return ""

    def give_up(result: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        side_by_side([task("a", work=until_told), task("b")], 2, stop, give_up)
    assert ended.is_set()
