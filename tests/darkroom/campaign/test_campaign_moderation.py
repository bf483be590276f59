"""What a moderation section may ask: what can be found, in time, in pictures that can be looked at."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_api.moderation.text import fold, tokens
from image_api.moderation.words import GROWTH, WordList

from darkroom.campaign import Problem, Sources, load_campaigns, moderation_labels
from darkroom.campaign.moderation import Moderation, PictureModeration, moderation_problems
from darkroom.campaign.pattern_work import LONGEST, MOST_WORK, search_work
from stacks.openapi import PROMPT_MAXIMUM

Write = Callable[..., Path]
Problems = Callable[[], dict[str, Problem]]


def test_a_campaign_moderates_what_it_names_and_nothing_else(write: Write, sources: Sources) -> None:
    write(moderation={"blocked_words": ["rival cola"], "pictures": {}})
    (campaign,) = load_campaigns(sources)
    moderation = campaign.file.moderation
    assert moderation is not None
    assert moderation.blocked_words == ("rival cola",)
    assert moderation.pictures is not None
    assert (moderation.pictures.minimum_confidence, moderation.pictures.labels) == (80, ())
    assert moderation.guardrail is None


@pytest.mark.parametrize(
    ("section", "field", "said"),
    [
        ({}, "moderation", "refuses something"),
        ({"blocked_words": ["ok", "!?"]}, "moderation.blocked_words[1]", "letters and digits"),
        ({"blocked_words": ["\u3164"]}, "moderation.blocked_words[0]", "letters and digits"),
        ({"blocked_words": ["\u0301"]}, "moderation.blocked_words[0]", "letters and digits"),
        ({"blocked_patterns": ["(a"]}, "moderation.blocked_patterns[0]", "no regular expression"),
        ({"blocked_patterns": ["a*"]}, "moderation.blocked_patterns[0]", "every prompt would be refused"),
        ({"blocked_patterns": ["x", "(a+)+b"]}, "moderation.blocked_patterns[1]", "takes seconds"),
        ({"blocked_patterns": ["a.*b.*c.*d"]}, "moderation.blocked_patterns[0]", "takes seconds"),
        ({"blocked_patterns": ["foo.*bar"] * 6}, "moderation.blocked_patterns", "all patterns together"),
        ({"guardrail": {"id": "GR", "version": "1"}}, "moderation.guardrail.id", "lower-case"),
        ({"guardrail": {"id": "gr1", "version": "0"}}, "moderation.guardrail.version", "number"),
        ({"pictures": {"minimum_confidence": 101}}, "moderation.pictures.minimum_confidence", "at most 100"),
        ({"pictures": {"labels": ["Violence", "Gore"]}}, "moderation.pictures.labels[1]", "refuse nothing"),
        ({"pictures": {"taxonomy": "7"}}, "moderation.pictures.taxonomy", "two numbers"),
        ({"pictures": {"taxonomy": "6.1"}}, "moderation.pictures.taxonomy", "7.0 or later"),
    ],
)
def test_what_can_not_be_is_refused_with_what_would_be_right(
    write: Write, problems: Problems, section: dict[str, Any], field: str, said: str
) -> None:
    write(moderation=section)
    found = problems()
    assert list(found) == [field]
    assert said in found[field].rule
    assert found[field].expected


def test_every_label_of_the_taxonomy_may_be_named_in_any_case() -> None:
    listed = tuple(moderation_labels.names())
    assert (len(listed), len(set(listed))) == (52, 52)
    for spelt in (listed, tuple(map(str.upper, listed)), tuple(map(str.lower, listed))):
        pictures = PictureModeration(labels=spelt)
        assert not list(moderation_problems(Moderation(pictures=pictures), None))


@pytest.mark.parametrize(
    ("label", "near"),
    [
        ("Graphic Violence Or Gore", "Graphic Violence"),
        ("hate symbol", "Hate Symbols"),
        ("Self Harm", "Self-Harm"),
        ("Female Swimwear", "Female Swimwear or Underwear"),
    ],
)
def test_a_label_that_is_none_is_told_with_the_one_that_was_meant(
    write: Write, problems: Problems, label: str, near: str
) -> None:
    write(moderation={"pictures": {"labels": [label]}})
    expected = problems()["moderation.pictures.labels[0]"].expected
    assert expected.startswith(f"did you mean {near}? one of Explicit, ")


def test_a_label_that_aws_adds_can_be_named_with_its_version(write: Write, sources: Sources) -> None:
    write(moderation={"pictures": {"labels": ["Deepfakes"], "taxonomy": "7.10"}})
    (campaign,) = load_campaigns(sources)
    assert campaign.file.moderation is not None
    assert campaign.file.moderation.pictures is not None
    assert campaign.file.moderation.pictures.labels == ("Deepfakes",)


def test_pictures_that_rekognition_does_not_take_are_told_before_the_deploy(
    write: Write, sources: Sources
) -> None:
    write(moderation={"pictures": {}})
    (campaign,) = load_campaigns(sources)
    small = campaign.recipe.model_copy(update={"sizes": ((48, 48),)})
    moderation = campaign.file.moderation
    assert moderation is not None
    (problem,) = moderation_problems(moderation, small)
    assert "50 to 10000 pixels" in problem.rule
    assert "48x48" in problem.expected


@given(word=st.text(min_size=1, max_size=12))
@settings(max_examples=400)
def test_every_word_that_a_campaign_may_block_is_found_by_the_function(word: str) -> None:
    accepted = not list(moderation_problems(Moderation(blocked_words=(word,)), None))
    assert accepted == bool(tokens(fold(word)))
    if accepted:
        assert WordList([word]).is_in(word)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"[ab]*c", "ab"),
        (r"foo.*bar", "foo"),
        (r"[ab]{1,12}[ab]{1,12}[ab]{1,12}c", "ab"),
        (r"(?:aa?){1,11}c", "a"),
        (r"(?:a|a|a|a){1,5}c", "a"),
        (r"(?=(?:a{1,30}){1,2}c)", "a"),
        (r"(?:[ab]{1,9}){1,3}c", "ab"),
        (r"(?>[ab]*)c", "ab"),
        (r"(\w{1,9})\1x", "ab"),
        (r".*?.{0,6}z", "a"),
    ],
)
def test_what_is_reckoned_bounds_what_it_takes(pattern: str, text: str) -> None:
    """Texts made for the patterns; 7 ns a step were measured, and 50 are allowed."""
    work = search_work(pattern)
    assert work <= MOST_WORK
    prompt = text * (LONGEST // len(text))
    start = time.process_time()
    assert re.compile(pattern, re.IGNORECASE).search(prompt) is None
    assert time.process_time() - start < 0.002 + work * 50e-9


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b",
        "(a|a)*b",
        "(a|aa)+$",
        r"(\w+\s?)*$",
        r"\w*\W*\w*x",
        ".*.*.*x",
        "([a-z]+)*1",
        "(?:a{1,50}){1,9}b",
    ],
)
def test_patterns_that_are_known_to_take_for_ever_are_told(pattern: str) -> None:
    assert search_work(pattern) > MOST_WORK


@pytest.mark.parametrize(
    "pattern",
    [
        r"\bfree (?:money|cash)\b",
        r"#\d{4}",
        r"\bmake .{0,40} great\b",
        r"(?:ab|cd){1,3}",
        r"x(?:a*+)b",
        "a.*b",
    ],
)
def test_patterns_as_people_write_them_pass(pattern: str) -> None:
    assert search_work(pattern) <= MOST_WORK


def test_the_length_that_is_reckoned_with_is_the_longest_that_is_looked_at() -> None:
    assert LONGEST == GROWTH * PROMPT_MAXIMUM
