"""The tokenizer with a small vocabulary."""

import re
from pathlib import Path

import pytest
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from training.captions import every_wording
from training.tokenizer import END, START, learn_merges, vocabulary, write_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> CLIPTokenizer:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder, learn_merges(_words()))
    return CLIPTokenizer.from_pretrained(folder)


def _words() -> list[str]:
    return [word for text in every_wording() for word in re.findall("[a-z]+", text)]


def test_every_word_of_a_caption_is_one_token(tokenizer: CLIPTokenizer) -> None:
    for text in list(every_wording())[::50]:
        tokens = tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids)
        words = re.findall("[a-z]+|,", text)
        assert tokens == [START, *(f"{word}</w>" for word in words), END]


def test_every_byte_has_a_token_inside_a_word_and_at_its_end() -> None:
    merges = learn_merges(["red"])
    assert len(vocabulary(merges)) == 2 * 256 + len(merges) + 2


def test_text_in_any_language_has_known_tokens(tokenizer: CLIPTokenizer) -> None:
    unknown = tokenizer.convert_tokens_to_ids(END)
    for text in ("zorvex", "日本語", "naïve café", "reddish!"):
        ids = tokenizer(text).input_ids
        assert ids.count(unknown) == 1  # the end itself
        assert tokenizer.decode(ids, skip_special_tokens=True).replace(" ", "") == text.replace(" ", "")


def test_merges_do_not_depend_on_order() -> None:
    words = sorted(set(_words()))
    assert learn_merges(words) == learn_merges(reversed(words)) == learn_merges(words * 2)
