"""The queue, the workers and the cache, one event at a time, compiled to machine code.

First in, first out, many workers: a job starts when it is at the head and the worker that is free first
is free, so one heap of the workers' free times is the whole state of the fleet (the recursion of Kiefer
and Wolfowitz, "On the theory of queues with many servers", 1955, with a heap for the sorted vector).
A worker that is still starting is one that is free later. Each request costs one pass and at most one
sift through the heap: time is linear in the requests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]

_Function = TypeVar("_Function", bound=Callable[..., Any])

NEXT, HEAD, TAIL, WORKERS = 0, 1, 2, 3
"""Places in a cursor: the next request to arrive, both ends of the queue, how many workers there are."""

REQUESTS, HITS, COALESCED, MISSES, EXPIRED, COMPLETED, LATENCY = 0, 1, 2, 3, 4, 5, 6
"""Columns of the counts: what happened in each step; LATENCY is the sum of seconds over COMPLETED."""
COUNT_COLUMNS = 7


class Requests(NamedTuple):
    """Every request, in the order of arrival. The last three are filled as the simulation goes.

    Attributes:
        arrival: seconds.
        prompt: which picture is asked for; below 0 one that nobody else asks for.
        service: seconds that a worker draws it, if it is drawn.
        leader: the request whose job it shares; itself for a miss, -1 before it has arrived.
        answered: when a leader's picture was there or its time to live was over; infinity before.
        expired: whether a leader's time to live was over.
    """

    arrival: FloatArray
    prompt: IntArray
    service: NDArray[np.float32]
    leader: IntArray
    answered: FloatArray
    expired: NDArray[np.bool_]


class Waiting(NamedTuple):
    """The queue (indices of requests), the cursor, and each prompt's last leader (-1 for none)."""

    queue: IntArray
    cursor: NDArray[np.int64]
    last_leader: IntArray


class Workers(NamedTuple):
    """A binary heap of the workers by the moment they are free; the cursor has its size."""

    free_at: FloatArray
    instance: IntArray


class Limits(NamedTuple):
    """Seconds: how long a job may wait, how long a picture is kept, and how long a step of the counts is."""

    request_time_to_live: float
    cache_time_to_live: float
    step: float


def _compiled(function: _Function) -> _Function:
    """``function`` in machine code, kept beside its source for the next run."""
    return cast(_Function, numba.njit(cache=True, nogil=True)(function))


@_compiled
def _occupy_first(workers: Workers, size: int, until: float) -> None:
    """Give the worker that is free first work until ``until``: replace the heap's root and sift it down."""
    free_at, instance = workers.free_at, workers.instance
    who = instance[0]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and free_at[child + 1] < free_at[child]:
            child += 1
        if free_at[child] >= until:
            break
        free_at[place] = free_at[child]
        instance[place] = instance[child]
        place = child
    free_at[place] = until
    instance[place] = who


@_compiled
def _serve(
    requests: Requests,
    waiting: Waiting,
    workers: Workers,
    limits: Limits,
    counts: FloatArray,
    last: float,
    until: float,
) -> None:
    """Start, or let expire, every waiting job whose turn comes by ``last`` and before ``until``."""
    cursor = waiting.cursor
    rows = counts.shape[0]
    while cursor[HEAD] < cursor[TAIL]:
        job = waiting.queue[cursor[HEAD]]
        arrival = requests.arrival[job]
        start = max(arrival, workers.free_at[0]) if cursor[WORKERS] > 0 else np.inf
        deadline = arrival + limits.request_time_to_live
        expires = deadline < start
        moment = deadline if expires else start
        if moment > last or moment >= until:
            return
        cursor[HEAD] += 1
        if expires:
            requests.answered[job] = deadline
            requests.expired[job] = True
            counts[min(int(deadline / limits.step), rows - 1), EXPIRED] += 1
            continue
        end = start + requests.service[job]
        _occupy_first(workers, cursor[WORKERS], end)
        requests.answered[job] = end
        row = min(int(end / limits.step), rows - 1)
        counts[row, COMPLETED] += 1
        counts[row, LATENCY] += end - arrival


@_compiled
def _find_leader(requests: Requests, waiting: Waiting, limits: Limits, now: float, prompt: int) -> int:
    """The request whose job answers ``prompt`` at ``now``; -1 when it has to be drawn.

    A job that is under way answers all who ask for it meanwhile (single flight); a picture that is
    there answers until the cache drops it; an expired job answers nobody who comes later.
    """
    if prompt < 0:
        return -1
    leader = waiting.last_leader[prompt]
    if leader < 0:
        return -1
    answered = requests.answered[leader]
    if now < answered:
        return int(leader)
    if requests.expired[leader] or now >= answered + limits.cache_time_to_live:
        return -1
    return int(leader)


@_compiled
def advance(
    requests: Requests,
    waiting: Waiting,
    workers: Workers,
    limits: Limits,
    counts: FloatArray,
    until: float,
) -> None:
    """Let everything happen that happens before ``until``, seconds.

    Args:
        counts: a row a step, the columns above; filled in.
    """
    cursor = waiting.cursor
    total = requests.arrival.shape[0]
    rows = counts.shape[0]
    while cursor[NEXT] < total and requests.arrival[cursor[NEXT]] < until:
        number = cursor[NEXT]
        now = requests.arrival[number]
        _serve(requests, waiting, workers, limits, counts, now, until)
        row = min(int(now / limits.step), rows - 1)
        counts[row, REQUESTS] += 1
        prompt = requests.prompt[number]
        leader = _find_leader(requests, waiting, limits, now, prompt)
        if leader >= 0:
            requests.leader[number] = leader
            counts[row, HITS if requests.answered[leader] <= now else COALESCED] += 1
        else:
            requests.leader[number] = number
            if prompt >= 0:
                waiting.last_leader[prompt] = number
            waiting.queue[cursor[TAIL]] = number
            cursor[TAIL] += 1
            counts[row, MISSES] += 1
        cursor[NEXT] += 1
    _serve(requests, waiting, workers, limits, counts, np.inf, until)
