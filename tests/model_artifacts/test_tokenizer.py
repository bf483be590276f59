import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from serving.tokenizer import ClipTokenizer, read_tokenizer
from transformers import CLIPTokenizer

from neuron_build.byte_tokenizer import byte_vocabulary, write_byte_tokenizer

TOKENS = 77
START, END = "<|startoftext|>", "<|endoftext|>"


def added(content: str, *, normalized: bool, **more: Any) -> dict[str, Any]:
    return {"content": content, "lstrip": False, "rstrip": False, "single_word": False} | {
        "normalized": normalized,
        **more,
    }


def configure(folder: Path, **changes: Any) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def with_merges(folder: Path) -> None:
    """A vocabulary in which "fox" and "the" are tokens of their own, as real ones have it."""
    merges = ["f o", "fo x</w>", "t h", "th e</w>"]
    vocabulary = byte_vocabulary()
    for merge in merges:
        vocabulary[merge.replace(" ", "")] = len(vocabulary)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")


def like_sd15(folder: Path) -> None:
    special = {
        role: added(content, normalized=True, __type="AddedToken")
        for role, content in (("bos_token", START), ("eos_token", END), ("unk_token", END))
    }
    configure(folder, **special, errors="replace", do_lower_case=True)


def like_sd21(folder: Path) -> None:
    """Its configuration says to pad with the end, and its special_tokens_map, which counts, with "!"."""
    like_sd15(folder)
    (folder / "special_tokens_map.json").write_text(
        json.dumps({"bos_token": added(START, normalized=True), "pad_token": "!"})
    )


def like_sdxl_2(folder: Path) -> None:
    vocabulary = byte_vocabulary()
    decoder = {
        str(vocabulary[content]): added(content, normalized=content == START, special=True)
        for content in ("!", START, END)
    }
    configure(folder, pad_token="!", added_tokens_decoder=decoder)


def with_a_learned_word(folder: Path) -> None:
    (folder / "added_tokens.json").write_text(json.dumps({"<brand>": len(byte_vocabulary())}))


def saved_again(folder: Path) -> None:
    """What version 5 of transformers writes: tokenizer.json in place of vocabulary and merges."""
    with_merges(folder)
    loaded = CLIPTokenizer.from_pretrained(folder)
    shutil.rmtree(folder)
    loaded.save_pretrained(folder)
    assert not (folder / "vocab.json").exists()


KINDS = {
    "bytes": lambda _: None,
    "merges": with_merges,
    "sd15": like_sd15,
    "sd21": like_sd21,
    "sdxl-2": like_sdxl_2,
    "learned word": with_a_learned_word,
    "tokenizer.json": saved_again,
}


@pytest.fixture(scope="module", params=[(kind, pad) for kind in KINDS for pad in (END, "!")], ids=str)
def both(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[ClipTokenizer, Any]:
    kind, padding = request.param
    folder = tmp_path_factory.mktemp("tokenizer") / "tokenizer"
    write_byte_tokenizer(folder, padding=padding)
    KINDS[kind](folder)
    return read_tokenizer(folder, TOKENS), CLIPTokenizer.from_pretrained(folder)


WORDS = st.sampled_from(
    [START, END, END.upper(), "<brand>", "the fox", "it's", "!", "!!", "İ", "e\u0301", "\uff11\uff12"]
)
TEXTS = st.lists(st.text(max_size=30) | WORDS, max_size=30).map("".join) | st.text(min_size=60)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example("")
@example(" \t\n")
@example("a " * 200)
@given(TEXTS)
def test_any_text_becomes_the_numbers_that_transformers_gives(both: Any, text: str) -> None:
    ours, theirs = both
    expected = theirs(text, padding="max_length", max_length=TOKENS, truncation=True).input_ids

    assert ours.encode(text) == expected
    assert len(expected) == TOKENS


@pytest.mark.parametrize("missing", ["vocab.json", "merges.txt"])
def test_a_folder_that_is_no_tokenizer_is_named(tmp_path: Path, missing: str) -> None:
    write_byte_tokenizer(tmp_path / "tokenizer_2")
    (tmp_path / "tokenizer_2" / missing).unlink()

    with pytest.raises(ValueError, match="tokenizer_2 is no CLIP tokenizer"):
        read_tokenizer(tmp_path / "tokenizer_2", TOKENS)
