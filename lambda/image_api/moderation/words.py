"""The campaign's own words and patterns: what no prompt may have."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from image_api.moderation.text import fold, is_unspaced, legible, readings, tokens

# A few characters stand for many in their compatibility form (U+FDFA for eighteen). A prompt that grows so
# much is read by nobody, and the patterns' worst case is reckoned for this length (darkroom/campaign).
GROWTH = 2


class WordList:
    """Words and phrases, found as whole words, however they are written.

    Found in time proportional to the prompt's length, whatever the list's, but for words of scripts without
    spaces between words (Chinese, Thai), each of which is looked for anywhere in the prompt.
    """

    def __init__(self, words: Iterable[str]) -> None:
        phrases: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
        anywhere = set()
        for word in words:
            phrase = tokens(fold(word))
            if not phrase:
                raise ValueError("a blocked word has neither a letter nor a digit")
            if any(is_unspaced(token) for token in phrase):
                anywhere.add(" ".join(phrase))
            else:
                phrases[phrase[0]].add(tuple(phrase[1:]))
        self._phrases = {first: tuple(rests) for first, rests in phrases.items()}
        self._anywhere = tuple(sorted(anywhere))

    def __bool__(self) -> bool:
        return bool(self._phrases or self._anywhere)

    def is_in(self, prompt: str) -> bool:
        """Whether ``prompt`` has one of the words."""
        return bool(self) and any(self._is_among(tokens(reading)) for reading in readings(prompt))

    def _is_among(self, found: Sequence[str]) -> bool:
        for index, token in enumerate(found):
            for rest in self._phrases.get(token, ()):
                if tuple(found[index + 1 : index + 1 + len(rest)]) == rest:
                    return True
        if not self._anywhere:
            return False
        text = " ".join(found)
        return any(phrase in text for phrase in self._anywhere)


class PatternList:
    """Regular expressions, looked for in the prompt as it is read and in its folded form, in any case."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)

    def is_in(self, prompt: str) -> bool:
        """Whether one of the patterns matches anywhere in ``prompt``."""
        if not self._patterns:
            return False
        texts = {legible(prompt), fold(prompt)}
        return any(pattern.search(text) for pattern in self._patterns for text in texts)


def is_overgrown(prompt: str, maximum: int) -> bool:
    """Whether ``prompt`` is, in its compatibility form, longer than anything that a person writes."""
    return max(len(legible(prompt)), len(fold(prompt))) > GROWTH * maximum
