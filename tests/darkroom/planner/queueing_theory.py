"""Mean waits in a queue with Poisson arrivals and several servers, by theory."""

from __future__ import annotations

import math

import numpy as np


def erlang_c_wait(servers: int, load: float, service: float) -> float:
    """Mean wait in the queue of M/M/c (Erlang C; Kleinrock, "Queueing Systems" I, 3.5).

    Args:
        load: share of the servers that is busy, below 1.
        service: mean service time.
    """
    offered = servers * load
    term = total = 1.0
    for number in range(1, servers):
        term *= offered / number
        total += term
    last = term * offered / servers / (1 - load)
    waits = last / (total + last)
    return waits * service / (servers * (1 - load))


def deterministic_wait(servers: int, load: float, service: float) -> float:
    """Mean wait in the queue of M/D/c, by Crommelin's argument (1932).

    Whoever is served at one moment is gone a service time later, so the number in the system seen one
    service time apart is a Markov chain: what exceeds the servers stays, and a Poisson number comes.
    Its stationary law gives the mean queue, and Little's law the wait.
    """
    offered = servers * load
    states = int(servers + 60 * math.sqrt(offered) / (1 - load) ** 0.5 + 40 / (1 - load))
    coming = np.exp(
        np.arange(states) * math.log(offered)
        - offered
        - np.array([math.lgamma(number + 1) for number in range(states)])
    )
    law = np.zeros(states)
    law[0] = 1.0
    for _ in range(20_000):
        stay = np.append(law[servers:], np.zeros(servers))
        stay[0] += law[:servers].sum()
        following = np.convolve(stay, coming)[:states]
        following /= following.sum()
        if np.abs(following - law).max() < 1e-13:
            break
        law = following
    queue = float((np.maximum(np.arange(states) - servers, 0) * law).sum())
    return queue / (offered / service)
