"""A build's request, in the state machine: what may be asked, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stacks.build_jobs import State
from stacks.stack_updates import stacks_to_update

REQUEST = ("recipe", "source", "pictures", "name", "steps", "rank", "seed")


def asking(recipe: str, *, fine_tunes: bool, stacks: Sequence[str]) -> dict[str, State]:
    """Take what was asked for, with the defaults, and refuse what can't be done.

    It goes on with FineTune, "With a source" or "Without a source", and with Explain where it refuses.

    Args:
        recipe: the campaign's.
        fine_tunes: whether its builds may.
        stacks: the names of the stacks that a bundle is brought to.
    """
    nothing = {**dict.fromkeys(REQUEST, ""), "recipe": recipe}
    defaults = {
        "request": nothing,
        "error": {"Error": "", "Cause": ""},
        "stacks": stacks_to_update(stacks),
    }
    asked = _given("pictures")
    tuning: list[dict[str, Any]] = [
        {"And": [asked, _given("source")], "Next": "FineTune"},
        {**asked, "Next": "No source"},
    ]
    return {
        "Ask": {
            "Type": "Pass",
            "Parameters": {"defaults": defaults, "given.$": "$"},
            "Next": "Prepare",
        },
        "Prepare": {
            "Type": "Pass",
            "Parameters": {
                "id.$": "States.ArrayGetItem(States.StringSplit(States.UUID(), '-'), 0)",
                "request.$": "States.JsonMerge($.defaults.request, $.given, false)",
                "defaults.$": "$.defaults",
                "rounds": {name: {"number": 0} for name in ("finetune", "compile", "publish")},
            },
            "Next": "Look at it",
        },
        "Look at it": {
            "Type": "Choice",
            "Choices": [
                {
                    "Not": {"Variable": "$.request.recipe", "StringEquals": recipe},
                    "Next": "Another recipe",
                },
                *(tuning if fine_tunes else [{**asked, "Next": "No fine-tuning"}]),
                {**_given("source"), "Next": "With a source"},
            ],
            "Default": "Without a source",
        },
        "Another recipe": _refused(f"the campaign's recipe is {recipe}: its API allows what that can do"),
        **(
            {"No source": _refused("pictures fine-tune a source: give source, too")}
            if fine_tunes
            else {"No fine-tuning": _refused("pictures are given, and the campaign has no build.fine_tune")}
        ),
    }


def texts(*names: str) -> dict[str, str]:
    """Values of the request as SageMaker takes hyperparameters: as text."""
    return {f"{name}.$": f"States.Format('{{}}', $.request.{name})" for name in names}


def _given(name: str) -> dict[str, Any]:
    return {"Not": {"Variable": f"$.request.{name}", "StringEquals": ""}}


def _refused(cause: str) -> State:
    return {
        "Type": "Pass",
        "Result": {"Error": "RequestRefused", "Cause": cause},
        "ResultPath": "$.error",
        "Next": "Explain",
    }
