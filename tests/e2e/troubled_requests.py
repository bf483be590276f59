"""Asking a campaign in trouble, and seeing that all ended rightly."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from darkroom.demo.client import Answer, download
from darkroom.operations.redrive import find_place
from tests.e2e.deployment import Deployment
from tests.eventually import eventually


def ask(troubled: Deployment, what: str, count: int) -> list[str]:
    """Ask for ``count`` new pictures, as a client does that asks again after a 5xx; the jobs' ids."""
    ids = []
    for number in range(count):
        request = {"prompt": f"{what} {number}", "steps": 1}
        answers: list[Answer] = []
        eventually(
            partial(_accepted, troubled, request, answers), f"{what} is accepted", seconds=60, every=0.5
        )
        ids.append(str(answers[-1].body["id"]))
    return ids


def _accepted(troubled: Deployment, request: Mapping[str, Any], answers: list[Answer]) -> bool:
    answers.append(troubled.api.ask(request))
    return answers[-1].status in (200, 202)


def wait(troubled: Deployment, ids: Iterable[str], seconds: float = 120) -> list[Mapping[str, Any]]:
    return [troubled.api.wait(one, deadline_seconds=seconds).body for one in ids]


# Functions go by the wall's clock at any speed of the sandbox's, and reconciliation waits a minute before it
# looks after a job, far longer before it calls one lost. With its clock ahead nobody has to wait. A whole
# minute ahead it would take what is being handed over at this moment for never taken.
A_MINUTE_LATER, PAST_ALL_TIMES = {"Reconciliation": 50}, {"Reconciliation": 900}


def all_drawn(
    troubled: Deployment,
    ids: list[str],
    seconds: float = 120,
    skew: Mapping[str, float] = A_MINUTE_LATER,
) -> None:
    """Each is done, its picture is there."""
    troubled.sandbox.inject(clock_skew=dict(skew))
    jobs = wait(troubled, ids, seconds)
    assert [job["status"] for job in jobs] == ["done"] * len(ids), jobs
    assert all(download(job["picture"]["url"]).startswith(b"\x89PNG") for job in jobs)


def said(troubled: Deployment, function: str, *texts: str) -> None:
    """A line of the function's log has all of it: what docs/operations.md has one look for."""
    group, pattern = f"/darkroom/{troubled.name}/image_api.{function}", f'"{texts[0]}"'
    eventually(
        lambda: any(
            all(text in event["message"] for text in texts)
            for event in troubled.client("logs").filter_log_events(logGroupName=group, filterPattern=pattern)[
                "events"
            ]
        ),
        f"{function} says {texts}",
    )


def drawn_once(troubled: Deployment, ids: list[str]) -> None:
    drawn = troubled.drawn()
    assert {job_id: drawn[job_id] for job_id in ids} == dict.fromkeys(ids, 1)


def forbid_sns(troubled: Deployment) -> list[dict[str, str]]:
    """Take from SNS the permissions to invoke completion, so that its messages become dead letters.

    Returns:
        What :func:`allow_sns` takes to give them back.
    """
    functions, name = troubled.client("lambda"), find_place(troubled.name, troubled).functions["completion"]
    taken = []
    for statement in json.loads(functions.get_policy(FunctionName=name)["Policy"])["Statement"]:
        if statement["Principal"].get("Service") == "sns.amazonaws.com":
            functions.remove_permission(FunctionName=name, StatementId=statement["Sid"])
            taken.append(
                {
                    "FunctionName": name,
                    "StatementId": statement["Sid"],
                    "Action": "lambda:InvokeFunction",
                    "Principal": "sns.amazonaws.com",
                    "SourceArn": statement["Condition"]["ArnLike"]["AWS:SourceArn"],
                }
            )
    assert taken
    return taken


def allow_sns(troubled: Deployment, taken: Iterable[Mapping[str, str]]) -> None:
    """Give SNS back what :func:`forbid_sns` took."""
    for permission in taken:
        troubled.client("lambda").add_permission(**permission)
