"""What the campaign does not draw, and does not show."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from darkroom.campaign.fields import GuardrailId, GuardrailVersion, Pattern
from darkroom.campaign.section import Section

Word = Annotated[str, Field(min_length=1, max_length=100)]


class Guardrail(Section):
    """An Amazon Bedrock guardrail that looks at every prompt."""

    id: GuardrailId
    """The guardrail's id, in the campaign's account and region."""
    version: GuardrailVersion
    """A published version, such as "1"; in quotes."""


class PictureModeration(Section):
    """Amazon Rekognition looks at every picture before it is served."""

    minimum_confidence: Annotated[float, Field(ge=0, le=100)] = 80
    """A label at this confidence, in percent, or above refuses the picture."""
    labels: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(default=(), strict=False)
    """Labels of Rekognition's moderation taxonomy that refuse a picture, at any level. Default: every one."""


class Moderation(Section):
    """Prompts and pictures that are refused. A refused prompt is answered with 422 and never drawn."""

    blocked_words: tuple[Word, ...] = Field(default=(), strict=False)
    """Words and phrases that no prompt may have, as whole words, in any case and Unicode form."""
    blocked_patterns: tuple[Pattern, ...] = Field(default=(), strict=False)
    """Regular expressions that no prompt may match, in any case."""
    guardrail: Guardrail | None = None
    """Default: no guardrail."""
    pictures: PictureModeration | None = None
    """Default: pictures are served as they were drawn."""
