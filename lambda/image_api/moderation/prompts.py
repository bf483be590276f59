"""Whether a prompt may be drawn."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from image_api.moderation.rules import GuardrailRule, ModerationRules
from image_api.moderation.unavailable import unavailable
from image_api.moderation.words import PatternList, WordList, is_overgrown


class PromptModeration:
    """The campaign's words and patterns, and its guardrail."""

    def __init__(self, rules: ModerationRules, bedrock: Any, prompt_maximum: int) -> None:
        self._words = WordList(rules.words)
        self._patterns = PatternList(rules.patterns)
        self._guardrail = rules.guardrail
        self._bedrock = bedrock
        self._maximum = prompt_maximum
        self._has_text_rules = bool(rules.words or rules.patterns)

    def blocks(self, prompt: str) -> bool:
        """Whether the campaign's words or patterns refuse ``prompt``; asks nobody."""
        if not self._has_text_rules:
            return False
        return (
            is_overgrown(prompt, self._maximum) or self._words.is_in(prompt) or self._patterns.is_in(prompt)
        )

    def guardrail_intervenes(self, prompt: str) -> bool:
        """Whether the guardrail would block or mask anything of ``prompt``.

        Raises:
            ModerationUnavailableError: it did not answer.
        """
        if self._guardrail is None:
            return False
        return _intervenes(self._bedrock, self._guardrail, prompt)


def _intervenes(bedrock: Any, guardrail: GuardrailRule, prompt: str) -> bool:
    try:
        answer = bedrock.apply_guardrail(
            guardrailIdentifier=guardrail.id,
            guardrailVersion=guardrail.version,
            source="INPUT",
            content=[{"text": {"text": prompt}}],
        )
    except (ClientError, BotoCoreError) as error:
        raise unavailable("Bedrock", error) from None
    # Anything but a clear no is a yes.
    return bool(answer["action"] != "NONE")
