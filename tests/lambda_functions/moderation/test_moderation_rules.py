"""The rules' file: the one that the function was deployed with, or no start at all."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from image_api.moderation.rules import (
    GuardrailRule,
    ModerationRules,
    PictureRule,
    parse_rules,
    read_rules,
)
from image_api.settings import SettingsError

DOCUMENT: dict[str, Any] = {
    "words": ["rival cola"],
    "patterns": ["#\\d{4}"],
    "guardrail": {"id": "gr0abc", "version": "2"},
    "pictures": {"minimum_confidence": 75, "labels": ["Violence"]},
}


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "moderation_rules", raising=False)


def write(folder: Path, content: str) -> str:
    path = folder / "moderation_rules" / "rules.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    return hashlib.sha256(content.encode()).hexdigest()


def test_the_file_of_the_layer_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    digest = write(tmp_path, json.dumps(DOCUMENT))
    assert read_rules(digest) == ModerationRules(
        ("rival cola",), ("#\\d{4}",), GuardrailRule("gr0abc", "2"), PictureRule(75.0, ("Violence",))
    )


def test_another_file_than_the_one_deployed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    write(tmp_path, json.dumps(DOCUMENT))
    with pytest.raises(SettingsError, match="not the one"):
        read_rules("0" * 64)


def test_a_layer_that_is_missing_is_refused_and_not_taken_for_no_rules() -> None:
    with pytest.raises(SettingsError, match="no layer"):
        read_rules("0" * 64)
    assert read_rules("") == ModerationRules()


def test_only_what_a_cached_picture_has_passed_names_the_rules() -> None:
    rules = parse_rules(DOCUMENT)
    assert ModerationRules(("a",), ("b",)).digest == ""
    assert rules.digest == parse_rules({**DOCUMENT, "words": [], "patterns": []}).digest
    others = [
        {**DOCUMENT, "guardrail": {"id": "gr0abc", "version": "3"}},
        {**DOCUMENT, "guardrail": None},
        {**DOCUMENT, "pictures": None},
        {**DOCUMENT, "pictures": {"minimum_confidence": 75, "labels": []}},
    ]
    assert len({rules.digest, *(parse_rules(other).digest for other in others)}) == 5
