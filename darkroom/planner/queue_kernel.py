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

REQUESTS, HITS, COALESCED, MISSES, EXPIRED, COMPLETED, LATENCY, STARTED = 0, 1, 2, 3, 4, 5, 6, 7
"""Columns of the counts: what happened in each step; LATENCY is the sum of seconds over COMPLETED, STARTED
counts the pictures whose drawing began."""
COUNT_COLUMNS = 8


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
    """A binary heap of the workers by the moment they are free; the cursor has its size.

    Beyond the heap ``free_at`` is infinite, so that a last child without a sibling needs no case.
    """

    free_at: FloatArray
    instance: IntArray


class Limits(NamedTuple):
    """Seconds: how long a job may wait, how long a picture is kept, and how long a step of the counts is."""

    request_time_to_live: float
    cache_time_to_live: float
    step: float


def _compiled(function: _Function) -> _Function:
    """``function`` in machine code, kept beside its source for the next run.

    Inlined where another calls it. The inner functions take arrays, not the tuples: taking an array out of
    a tuple counts a reference, which in the loop would take longer than what they do.
    """
    return cast(_Function, numba.njit(cache=True, inline="always")(function))


@_compiled
def _occupy_first(free_at: FloatArray, instance: IntArray, size: int, until: float) -> None:
    """Give the worker that is free first work until ``until``: replace the heap's root and sift it down."""
    who = instance[0]
    place = 0
    child = 1
    while child < size:
        # Added, not branched on: which child is smaller is a coin's toss, and mispredicting costs more.
        child += int(free_at[child + 1] < free_at[child])
        if free_at[child] >= until:
            break
        free_at[place] = free_at[child]
        instance[place] = instance[child]
        place = child
        child = 2 * place + 1
    free_at[place] = until
    instance[place] = who


@_compiled
def advance(
    requests: Requests,
    waiting: Waiting,
    workers: Workers,
    limits: Limits,
    counts: FloatArray,
    step: int,
) -> None:
    """Let everything happen that happens in step number ``step``, from 0; steps come one after the other.

    A job that is under way answers all who ask for its prompt meanwhile (single flight); a picture that is
    there answers until the cache drops it; an expired job answers nobody who comes later.

    Args:
        counts: a row a step, the columns above; filled in.
    """
    arrivals, prompts, service = requests.arrival, requests.prompt, requests.service
    leaders, answered, expired = requests.leader, requests.answered, requests.expired
    queue, last_leader, cursor = waiting.queue, waiting.last_leader, waiting.cursor
    free_at, instance = workers.free_at, workers.instance
    time_to_live, cache_time_to_live = limits.request_time_to_live, limits.cache_time_to_live
    number, head, tail, size = cursor[NEXT], cursor[HEAD], cursor[TAIL], cursor[WORKERS]
    total, last_row = arrivals.shape[0], counts.shape[0] - 1
    until = (step + 1) * limits.step
    begun, first_miss, hits = number, tail, 0
    while True:
        arrives = number < total and arrivals[number] < until
        # What happens at the very end of a step belongs to the next one.
        now = arrivals[number] if arrives else np.nextafter(until, 0.0)
        while head < tail:  # every waiting job whose turn comes by now starts, or has expired
            job = queue[head]
            start = max(arrivals[job], free_at[0])  # infinite without workers
            deadline = arrivals[job] + time_to_live
            if min(start, deadline) > now:
                break
            head += 1
            if deadline < start:
                answered[job] = deadline
                expired[job] = True
                counts[min(int(deadline / limits.step), last_row), EXPIRED] += 1
                continue
            end = start + service[job]
            _occupy_first(free_at, instance, size, end)
            answered[job] = end
            counts[min(int(start / limits.step), last_row), STARTED] += 1
            row = min(int(end / limits.step), last_row)
            counts[row, COMPLETED] += 1
            counts[row, LATENCY] += end - arrivals[job]
        if not arrives:
            break
        prompt = prompts[number]
        leader = last_leader[prompt] if prompt >= 0 else -1
        if leader >= 0 and now >= answered[leader]:
            if expired[leader] or now >= answered[leader] + cache_time_to_live:
                leader = -1
            else:
                hits += 1
        leaders[number] = leader
        if leader < 0:
            leaders[number] = number
            if prompt >= 0:
                last_leader[prompt] = number
            queue[tail] = number
            tail += 1
        number += 1
    counts[step, REQUESTS] = number - begun
    counts[step, MISSES] = tail - first_miss
    counts[step, HITS] = hits
    counts[step, COALESCED] = number - begun - (tail - first_miss) - hits
    cursor[NEXT], cursor[HEAD], cursor[TAIL] = number, head, tail
