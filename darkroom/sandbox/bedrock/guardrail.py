"""A guardrail, and what it finds in a text.

Words and regular expressions are looked for as Bedrock does. A denied topic is what a model of AWS's decides;
here it is found where one of its example phrases stands in the text. Content filters and managed lists are
models and lists of AWS's, and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend

from darkroom.sandbox.modelled_errors import modelled_error

Request = Mapping[str, Any]

# Members of CreateGuardrail that need AWS's own models or lists, and where they stand.
_UNPLAYED = (
    ("contentPolicyConfig",),
    ("contextualGroundingPolicyConfig",),
    ("automatedReasoningPolicyConfig",),
    ("crossRegionConfig",),
    ("wordPolicyConfig", "managedWordListsConfig"),
    ("sensitiveInformationPolicyConfig", "piiEntitiesConfig"),
)


@dataclass(frozen=True)
class Policy:
    """What one version of a guardrail looks for."""

    words: tuple[str, ...]
    topics: tuple[tuple[str, tuple[str, ...]], ...]
    regexes: tuple[tuple[str, str, str], ...]
    message: str

    @classmethod
    def of(cls, request: Request) -> Policy:
        """The policy that a CreateGuardrail asks for; raises NotImplementedError for what is not played."""
        for path in _UNPLAYED:
            if _at(request, path):
                raise NotImplementedError(f"guardrails with {'.'.join(path)} are not played")
        topics = _at(request, ("topicPolicyConfig", "topicsConfig")) or []
        regexes = _at(request, ("sensitiveInformationPolicyConfig", "regexesConfig")) or []
        return cls(
            words=tuple(one["text"] for one in _at(request, ("wordPolicyConfig", "wordsConfig")) or []),
            topics=tuple((one["name"], tuple(one.get("examples") or ())) for one in topics),
            regexes=tuple((one["name"], one["pattern"], one["action"]) for one in regexes),
            message=request["blockedInputMessaging"],
        )

    def assess(self, text: str) -> dict[str, Any]:
        """One assessment, in ApplyGuardrail's shape; empty where nothing is found."""
        found: dict[str, Any] = {}
        if words := [{"match": word, **_BLOCKED} for word in self.words if _has_word(text, word)]:
            found["wordPolicy"] = {"customWords": words, "managedWordLists": []}
        topics = [
            {"name": name, "type": "DENY", **_BLOCKED}
            for name, examples in self.topics
            if any(_has_word(text, example) for example in examples)
        ]
        if topics:
            found["topicPolicy"] = {"topics": topics}
        regexes = [
            {"name": name, "regex": regex, "match": match[0], "action": _ACTIONS[action], "detected": True}
            for name, regex, action in self.regexes
            if (match := re.search(regex, text))
        ]
        if regexes:
            found["sensitiveInformationPolicy"] = {"piiEntities": [], "regexes": regexes}
        return found


_BLOCKED = {"action": "BLOCKED", "detected": True}
_ACTIONS = {"BLOCK": "BLOCKED", "ANONYMIZE": "ANONYMIZED", "NONE": "NONE"}


@dataclass
class Guardrail:
    """A guardrail with its versions; DRAFT is the one that was last made."""

    id: str
    arn: str
    name: str
    created: float
    request: Request
    versions: dict[str, Policy] = field(default_factory=dict)


class GuardrailBackend(BaseBackend):
    """The guardrails of an account and region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.guardrails: dict[str, Guardrail] = {}

    def find(self, identifier: str) -> Guardrail:
        """The guardrail of an id or ARN; raises ResourceNotFoundException."""
        found = self.guardrails.get(identifier.rpartition("/")[2])
        if found is None:
            raise modelled_error(
                "bedrock", "ResourceNotFoundException", f"The guardrail {identifier} does not exist."
            )
        return found

    def policy(self, identifier: str, version: str) -> Policy:
        """One version of a guardrail; raises ResourceNotFoundException."""
        policy = self.find(identifier).versions.get(version)
        if policy is None:
            raise modelled_error(
                "bedrock",
                "ResourceNotFoundException",
                f"The guardrail {identifier} has no version {version}.",
            )
        return policy


guardrail_backends = BackendDict(GuardrailBackend, "bedrock")


def _has_word(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None


def _at(request: Request, path: tuple[str, ...]) -> Any:
    value: Any = request
    for name in path:
        value = (value or {}).get(name)
    return value
