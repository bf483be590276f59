"""The demo's report shows prompts as the text that they are."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from darkroom.demo import report
from darkroom.demo.checks import Check, Run
from darkroom.demo.image_requests import Outcome
from darkroom.demo.metrics import Readings

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</svg><iframe src=//evil>",
    "{{ 7 * 7 }}{% raw %}",
    "<!-- ",
)


class Seen(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.handlers: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(prompt: str, folder: Path) -> Seen:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    outcome = Outcome("first", prompt, "0" * 32, "miss", "done", 0.0, 1.0, "http://link")
    run = Run(
        outcomes=[outcome],
        pictures={"0" * 32: b"\x89PNG"},
        drawn={"0" * 32: 1},
        latencies=[(0.0, 1.0)],
        instances=[(at.timestamp(), 0)],
        notifications=[{"invocationStatus": prompt, "inferenceId": prompt}],
        readings=Readings(*([[(at, 1.0)]] * 6)),
        left=[],
    )
    checks = [Check(claim=prompt, held=True, seen=prompt)]
    written = report.write(run, checks, campaign="demo", began=at, folder=folder)
    return Seen(written.read_text(encoding="utf-8"))


@pytest.mark.parametrize("prompt", HOSTILE)
def test_a_hostile_prompt_makes_no_element_and_no_handler(prompt: str, tmp_path: Path) -> None:
    plain, hostile = page_of("a red circle", tmp_path / "plain"), page_of(prompt, tmp_path / "hostile")
    assert hostile.elements == plain.elements
    assert hostile.handlers == []
    assert prompt in hostile.text
