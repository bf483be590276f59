"""The campaign's moderation rules: a file in a layer of the function's, since lists outgrow its environment.

Lambda's environment variables take 4 KB in all. The environment holds the file's SHA-256: a function never
runs with other rules than those it was deployed with, nor without them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from image_api.settings import SettingsError

PACKAGE = "moderation_rules"
FILE = "rules.json"


@dataclass(frozen=True)
class GuardrailRule:
    """A Bedrock guardrail of the function's account and region."""

    id: str
    version: str


@dataclass(frozen=True)
class PictureRule:
    """What refuses a picture.

    Attributes:
        minimum_confidence: percent, from which a label counts.
        labels: names of Rekognition's taxonomy, of any level; none for all.
    """

    minimum_confidence: float
    labels: tuple[str, ...]


@dataclass(frozen=True)
class ModerationRules:
    """What the campaign file's moderation section says."""

    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    guardrail: GuardrailRule | None = None
    pictures: PictureRule | None = None

    @property
    def digest(self) -> str:
        """A name of what is asked only where nothing is cached; empty where nothing is.

        It is part of every job's id, so a cached picture has passed the rules in force.
        """
        if self.guardrail is None and self.pictures is None:
            return ""
        told = json.dumps([_fields(self.guardrail), _fields(self.pictures)], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def read_rules(digest: str) -> ModerationRules:
    """The rules whose file has this SHA-256; no rules where ``digest`` is empty.

    Raises:
        SettingsError: the layer is not there, or has another file.
    """
    if not digest:
        return ModerationRules()
    try:
        content = (resources.files(PACKAGE) / FILE).read_bytes()
    except (ModuleNotFoundError, FileNotFoundError):
        raise SettingsError(f"MODERATION_RULES names a file, and no layer has {PACKAGE}/{FILE}") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise SettingsError(f"{PACKAGE}/{FILE} is not the one whose SHA-256 is in MODERATION_RULES")
    return parse_rules(json.loads(content))


def parse_rules(document: Mapping[str, Any]) -> ModerationRules:
    """The rules that a document holds (docs/architecture.md, Moderation)."""
    guardrail, pictures = document["guardrail"], document["pictures"]
    return ModerationRules(
        words=tuple(document["words"]),
        patterns=tuple(document["patterns"]),
        guardrail=None if guardrail is None else GuardrailRule(guardrail["id"], guardrail["version"]),
        pictures=None
        if pictures is None
        else PictureRule(float(pictures["minimum_confidence"]), tuple(pictures["labels"])),
    )


def _fields(rule: GuardrailRule | PictureRule | None) -> Any:
    return None if rule is None else sorted((name, repr(value)) for name, value in vars(rule).items())
