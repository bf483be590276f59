from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from neuron_build.byte_tokenizer import byte_vocabulary, write_byte_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("tokenizer") / "tokenizer_2"
    write_byte_tokenizer(folder, padding="!")
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def test_the_vocabulary_is_every_byte_twice_and_the_two_marks() -> None:
    vocabulary = byte_vocabulary()

    assert sorted(vocabulary.values()) == list(range(256 + 256 + 2))
    assert (vocabulary["<|startoftext|>"], vocabulary["<|endoftext|>"]) == (512, 513)


@given(word=st.text(st.characters(categories=["L"]), min_size=1, max_size=15))
def test_a_word_of_any_language_is_its_bytes(tokenizer: Any, word: str) -> None:
    start, *tokens, end = tokenizer(word).input_ids

    assert (start, end) == (512, 513)
    assert len(tokens) == len(tokenizer.backend_tokenizer.normalizer.normalize_str(word).encode())
    assert all(token < 512 for token in tokens)
    assert tokens[-1] >= 256


def test_words_are_told_apart_and_letter_case_is_not(tokenizer: Any) -> None:
    assert tokenizer("A Fox").input_ids == tokenizer("a  fox").input_ids
    assert tokenizer("a fox").input_ids != tokenizer("afox").input_ids


def test_a_prompt_fills_77_tokens_and_no_more(tokenizer: Any) -> None:
    short = tokenizer("fox", padding="max_length", truncation=True).input_ids
    long = tokenizer("fox " * 100, padding="max_length", truncation=True).input_ids

    assert len(short) == len(long) == 77
    assert short[5:] == [byte_vocabulary()["!"]] * 72
    assert long[-1] == byte_vocabulary()["<|endoftext|>"]
