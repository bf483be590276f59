"""All checks run, whatever becomes of one of them."""

from __future__ import annotations

from collections.abc import Iterator

import botocore.exceptions
import pytest

from darkroom.operations.preflight import Finding, Situation, State, preflight
from darkroom.operations.preflight.finding import ok, problem, warning
from darkroom.operations.preflight.run import stops


def _denied(_: Situation) -> Iterator[Finding]:
    said = {"Error": {"Code": "AccessDeniedException", "Message": "not authorized to perform: x:ListY"}}
    raise botocore.exceptions.ClientError(said, "ListY")


def _unreachable(_: Situation) -> Iterator[Finding]:
    raise botocore.exceptions.NoCredentialsError


def _broken(_: Situation) -> Iterator[Finding]:
    raise ZeroDivisionError


def _fine(_: Situation) -> Iterator[Finding]:
    yield ok("this", "is fine")


def test_a_check_that_may_not_look_says_so_and_stops_no_other(demo: Situation) -> None:
    denied, fine, unreachable = preflight(demo, {"a": _denied, "b": _fine, "c": _unreachable})
    assert (denied.state, "x:ListY" in denied.do) == (State.WARNING, True)
    assert fine == ok("this", "is fine")
    assert (unreachable.state, unreachable.subject) == (State.PROBLEM, "c")


def test_a_fault_of_ours_is_not_taken_for_an_answer(demo: Situation) -> None:
    with pytest.raises(ZeroDivisionError):
        preflight(demo, {"a": _broken})


def test_problems_stop_a_deployment_and_warnings_do_not() -> None:
    assert not stops([ok("a", "b"), warning("a", "b", "c")])
    assert stops([ok("a", "b"), problem("a", "b", "c")])
