"""The campaign's words in the front-end's way: what looking for them adds to reading a request."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmarks.ratio import Ratio, measure

REPOSITORY = Path(__file__).resolve().parent.parent
WORDS = 1000
PROMPT_MAXIMUM = 1000
_PROMPT = "A small red fox, painted in oil, on a hill under a wide sky, "


def word_check(rounds: int = 400) -> Ratio:
    """A prompt of 1,000 characters held against 1,000 phrases, over reading and validating its request."""
    sys.path.insert(0, str(REPOSITORY / "lambda"))
    try:
        from image_api import image_request, json_body
        from image_api.moderation.prompts import PromptModeration
        from image_api.moderation.rules import ModerationRules
        from image_api.settings import NumberRule, RequestRules
    finally:
        sys.path.remove(str(REPOSITORY / "lambda"))
    rules = RequestRules(
        PROMPT_MAXIMUM, ((1024, 1024),), 1024, 1024, NumberRule(1, 50, 30), NumberRule(0.0, 20.0, 5.0)
    )
    phrases = tuple(f"blocked{number} phrase{number}" for number in range(WORDS))
    moderation = PromptModeration(ModerationRules(words=phrases), None, PROMPT_MAXIMUM)
    prompt = (_PROMPT * PROMPT_MAXIMUM)[:PROMPT_MAXIMUM].strip()
    body = json.dumps({"prompt": prompt})

    def check() -> None:
        if moderation.blocks(prompt):
            raise RuntimeError("the prompt has none of the words")

    def read() -> None:
        image_request.parse(json_body.read(body, is_base64=False, maximum=rules.body_maximum), rules)

    name = "1,000 blocked phrases in 1,000 characters over reading the request"
    return measure(name, check, read, goal=3.0, rounds=rounds, warm_up=20)
