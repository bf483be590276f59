"""What the campaign does not draw, and does not show."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from darkroom.campaign import moderation_labels
from darkroom.campaign.fields import GuardrailId, GuardrailVersion, Pattern, TaxonomyVersion
from darkroom.campaign.pattern_work import MOST_WORK, search_work
from darkroom.campaign.problem import MISSING, FieldPath, Problem
from darkroom.campaign.recipe import Recipe
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
    taxonomy: TaxonomyVersion = moderation_labels.VERSION
    """The taxonomy's version that has these labels, in quotes. Of one later than the default, whose list
    Darkroom does not have, the names are taken as they are."""


class Moderation(Section):
    """Prompts and pictures that are refused. A refused prompt is answered with 422 and never drawn."""

    blocked_words: tuple[Word, ...] = Field(default=(), strict=False)
    """Words and phrases that no prompt may have, as whole words, in any case and Unicode form; accents make
    no difference, nor do digits in place of letters."""
    blocked_patterns: tuple[Pattern, ...] = Field(default=(), strict=False)
    """Regular expressions that no prompt may match, in any case; white space is one space there."""
    guardrail: Guardrail | None = None
    """Default: no guardrail."""
    pictures: PictureModeration | None = None
    """Default: pictures are served as they were drawn."""


# What DetectModerationLabels takes, in pixels a side (Rekognition developer guide, "Guidelines and quotas").
SIDE = range(50, 10_001)
# The fillers of Hangul are letters to Unicode, and nobody sees them.
_FILLERS = frozenset("\u115f\u1160")


def moderation_problems(moderation: Moderation, recipe: Recipe | None) -> Iterator[Problem]:
    """What is to be refused can be found, in time, and what is to be looked at can be."""
    section: FieldPath = ("moderation",)
    if moderation == Moderation():
        rule = "a moderation section refuses something"
        expected = "blocked_words, blocked_patterns, guardrail or pictures, or no section"
        yield Problem(section, MISSING, rule, expected, involves=(section,))
    for index, word in enumerate(moderation.blocked_words):
        if not _has_text(word):
            rule = "a blocked word is found by its letters and digits, and has none"
            path = (*section, "blocked_words", index)
            yield Problem(path, word, rule, "a word, or blocked_patterns for signs")
    yield from _pattern_problems(moderation, (*section, "blocked_patterns"))
    if moderation.pictures is not None:
        yield from _label_problems(moderation.pictures, (*section, "pictures"))
        if recipe is not None:
            yield from _size_problems(recipe, (*section, "pictures"))


def _has_text(word: str) -> bool:
    decomposed = unicodedata.normalize("NFKD", word)
    return any(unicodedata.category(one)[0] in "LN" and one not in _FILLERS for one in decomposed)


def _pattern_problems(moderation: Moderation, path: FieldPath) -> Iterator[Problem]:
    total = 0.0
    for index, pattern in enumerate(moderation.blocked_patterns):
        if re.search(pattern, "") is not None:
            rule = "the pattern matches a text with nothing in it: every prompt would be refused"
            yield Problem((*path, index), pattern, rule, "a pattern with something that must be there")
        work = search_work(pattern)
        if work > MOST_WORK:
            rule = "a prompt could be written over which this pattern takes seconds, or for ever"
            expected = "bounds for its repeats, such as .{0,40} for .*, and no repeat of a repeat"
            yield Problem((*path, index), pattern, rule, expected)
        else:
            total += work
    if total > MOST_WORK:
        rule = "a prompt could be written over which all patterns together take seconds"
        expected = "bounds for their repeats, such as .{0,40} for .*, or blocked_words"
        yield Problem(path, f"{len(moderation.blocked_patterns)} patterns", rule, expected)


def _label_problems(pictures: PictureModeration, path: FieldPath) -> Iterator[Problem]:
    """Rekognition gives labels of one taxonomy; a name that is not in it would refuse nothing.

    AWS extends the list, so a campaign that says which later version it goes by is taken at its word.
    """
    listed = moderation_labels.VERSION
    given, known = (tuple(map(int, one.split("."))) for one in (pictures.taxonomy, listed))
    if given < known:
        rule = f"Rekognition's labels are of version {listed} or later"
        yield Problem((*path, "taxonomy"), pictures.taxonomy, rule, f'"{listed}", which is the default')
    elif given == known:
        for index, label in enumerate(pictures.labels):
            if not moderation_labels.is_listed(label):
                near = moderation_labels.nearest(label)
                yield Problem(
                    (*path, "labels", index),
                    label,
                    f"Rekognition's taxonomy {listed} has no such label, so it would refuse nothing",
                    (f"did you mean {near}? " if near else "")
                    + f"one of {', '.join(moderation_labels.TAXONOMY)}, or a label below one of them; "
                    "if AWS has added this one, the version that has it in moderation.pictures.taxonomy",
                )


def _size_problems(recipe: Recipe, path: FieldPath) -> Iterator[Problem]:
    for width, height in recipe.sizes:
        if width not in SIDE or height not in SIDE:
            rule = f"Rekognition looks at pictures of {SIDE.start} to {SIDE.stop - 1} pixels a side"
            expected = f"a recipe that does not draw {width}x{height}"
            yield Problem(path, MISSING, rule, expected, involves=(("model", "recipe"),))
