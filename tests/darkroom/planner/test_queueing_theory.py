"""A fixed fleet with Poisson arrivals waits as theory says: M/M/c (Erlang C) and M/D/c."""

from __future__ import annotations

import numpy as np
import pytest

from darkroom.planner.arrival_process import poisson_arrivals
from darkroom.planner.distributions import ServiceTime
from darkroom.planner.simulation import simulate
from tests.darkroom.planner.queueing_theory import deterministic_wait, erlang_c_wait
from tests.darkroom.planner.scenarios_for_tests import endpoint_of, target_of, traffic_of

SERVICE = 0.1
EXPONENTIAL = ServiceTime(SERVICE, 1.0)  # a gamma distribution of variation 1
FIXED = ServiceTime(SERVICE, 0.0)


def mean_wait(servers: int, load: float, service: ServiceTime, customers: int) -> float:
    rate = servers * load / SERVICE
    seconds = int(customers / rate / 60) * 60
    random = np.random.default_rng(11)
    arrivals = poisson_arrivals(np.full(seconds // 60, rate), 60.0, random)
    endpoint = endpoint_of(target_of(servers, servers), service=service)
    outcome = simulate(endpoint, traffic_of(arrivals, seconds), seed=3)
    return outcome.queueing.mean


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (4, 0.7), (12, 0.8), (24, 0.85)])
def test_exponential_service_waits_as_erlang_c_says(servers: int, load: float) -> None:
    assert mean_wait(servers, load, EXPONENTIAL, 3_000_000) == pytest.approx(
        erlang_c_wait(servers, load, SERVICE), rel=0.01
    )


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (4, 0.7), (12, 0.8), (24, 0.85)])
def test_fixed_service_waits_as_crommelin_says(servers: int, load: float) -> None:
    assert mean_wait(servers, load, FIXED, 3_000_000) == pytest.approx(
        deterministic_wait(servers, load, SERVICE), rel=0.01
    )


@pytest.mark.soak
@pytest.mark.parametrize(("servers", "load"), [(1, 0.9), (12, 0.9), (24, 0.95)])
def test_heavy_loads_wait_as_theory_says_too(servers: int, load: float) -> None:
    assert mean_wait(servers, load, EXPONENTIAL, 40_000_000) == pytest.approx(
        erlang_c_wait(servers, load, SERVICE), rel=0.01
    )
    assert mean_wait(servers, load, FIXED, 40_000_000) == pytest.approx(
        deterministic_wait(servers, load, SERVICE), rel=0.01
    )


def test_the_theory_agrees_with_closed_forms() -> None:
    # M/M/1: rho / (1 - rho) service times; M/D/1: half of it (Pollaczek-Khinchine).
    assert erlang_c_wait(1, 0.5, 2.0) == pytest.approx(2.0)
    assert deterministic_wait(1, 0.5, 2.0) == pytest.approx(1.0, rel=1e-6)
