"""What must have held in a run of the demo; each claim with what was seen."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from darkroom.demo.image_requests import Outcome
from darkroom.demo.metrics import Readings, total
from training.drawings import Drawing
from training.judge import judge

DRAWN = "colour, shape and background"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Check:
    """One claim, whether it held, and what was seen."""

    claim: str
    held: bool
    seen: str


@dataclass(frozen=True)
class Run:
    """Everything that a run of the demo saw.

    Attributes:
        outcomes: every request, in order.
        pictures: the picture's bytes, by job id.
        drawn: how often each job was really drawn by the endpoint, by job id.
        latencies: (sandbox seconds since the charts begin, wall seconds to the picture), one a request.
        instances: (sandbox seconds since the epoch, instances in service), a point a change.
        notifications: SNS messages' "invocationStatus" and "inferenceId", as received.
        readings: the metrics read back from CloudWatch.
        left: what was still there after the destroy, one line each.
    """

    outcomes: Sequence[Outcome]
    pictures: Mapping[str, bytes]
    drawn: Mapping[str, int]
    latencies: Sequence[tuple[float, float]]
    instances: Sequence[tuple[float, int]]
    notifications: Sequence[Mapping[str, str]]
    readings: Readings
    left: Sequence[str]


def check(run: Run) -> list[Check]:
    """Every claim the demo makes."""
    return [*_requests(run), *_scaling(run), *_notifications(run), *_metrics(run), _nothing_left(run)]


def _requests(run: Run) -> list[Check]:
    jobs = {outcome.job_id for outcome in run.outcomes}
    failed = [outcome.job_id for outcome in run.outcomes if outcome.status != "done"]
    no_picture = [job for job in jobs if not run.pictures.get(job, b"").startswith(PNG_SIGNATURE)]
    crowd = [outcome for outcome in run.outcomes if outcome.round == "crowd"]
    crowd_misses = sum(outcome.cache == "miss" for outcome in crowd)
    again = [outcome for outcome in run.outcomes if outcome.round == "again"]
    return [
        Check("every request ended in a picture", not failed, f"{len(run.outcomes)} asked, failed: {failed}"),
        Check("every picture is a PNG", not no_picture, f"{len(jobs)} jobs, without: {no_picture}"),
        _shown(run),
        Check(
            "the same request asked many times at once was one job, drawn once",
            len({outcome.job_id for outcome in crowd}) == 1
            and crowd_misses == 1
            and run.drawn.get(crowd[0].job_id) == 1,
            f"{len(crowd)} at once: {crowd_misses} miss, drawn {run.drawn.get(crowd[0].job_id, 0)} times",
        ),
        Check(
            "asking again was served from the cache",
            bool(again) and all(outcome.cache == "hit" for outcome in again),
            ", ".join(f"{outcome.cache} in {outcome.seconds:.2f} s" for outcome in again),
        ),
        Check(
            "no picture was drawn twice",
            set(run.drawn) == jobs and set(run.drawn.values()) == {1},
            f"{sum(run.drawn.values())} inferences for {len(jobs)} jobs",
        ),
    ]


def _shown(run: Run) -> Check:
    """The pictures, judged by their pixels, against the words of their prompts."""
    asked = {outcome.job_id: outcome.prompt for outcome in run.outcomes}
    wrong = [
        f"{prompt!r} shows a {shown.colour} {shown.shape} on {shown.background}"
        for job, prompt in asked.items()
        if run.pictures.get(job, b"").startswith(PNG_SIGNATURE)
        and not _names(prompt, shown := judge(Image.open(io.BytesIO(run.pictures[job]))))
    ]
    right = len(asked) - len(wrong)
    return Check(
        f"nine of ten pictures and more show the {DRAWN} that they were asked for",
        right >= 0.9 * len(asked),
        f"{right} of {len(asked)}" + "".join(f"; {each}" for each in wrong),
    )


def _names(prompt: str, shown: Drawing) -> bool:
    words = prompt.split()
    return all(name in words for name in (shown.colour, shown.shape, shown.background))


def _scaling(run: Run) -> list[Check]:
    counts = [count for _, count in run.instances]
    return [
        Check(
            "the endpoint came up from zero and went back to zero",
            len(counts) >= 3 and counts[0] == 0 and max(counts) >= 1 and counts[-1] == 0,
            " -> ".join(str(count) for count in counts),
        )
    ]


def _notifications(run: Run) -> list[Check]:
    jobs = {outcome.job_id for outcome in run.outcomes}
    completed = [note for note in run.notifications if note["invocationStatus"] == "Completed"]
    notified = {note["inferenceId"].partition(".")[0] for note in completed}
    return [
        Check(
            "every drawn picture was notified, and nothing else",
            notified == jobs and len(completed) == len(run.notifications) == len(jobs),
            f"{len(completed)} completed, {len(run.notifications) - len(completed)} failed, {len(jobs)} jobs",
        )
    ]


def _metrics(run: Run) -> list[Check]:
    misses = sum(outcome.cache == "miss" for outcome in run.outcomes)
    hits = len(run.outcomes) - misses
    read_hits, read_misses = total(run.readings.cache_hits), total(run.readings.cache_misses)
    read_requests = total(run.readings.requests)
    utilization = [value for _, value in run.readings.utilization]
    lowest, highest = min(utilization, default=0.0), max(utilization, default=0.0)
    return [
        Check(
            "CloudWatch counted every request as a hit or a miss",
            (read_hits, read_misses, read_requests) == (hits, misses, len(run.outcomes)),
            f"{read_hits:g} hits + {read_misses:g} misses = {read_requests:g} requests; "
            f"answered: {hits} + {misses}",
        ),
        Check("the utilization metric moved", highest > lowest, f"from {lowest:.2f} to {highest:.2f}"),
    ]


def _nothing_left(run: Run) -> Check:
    return Check("cdk destroy left nothing", not run.left, "; ".join(run.left) or "nothing")
