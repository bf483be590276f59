"""A CLIP tokenizer with a small vocabulary: the 256 bytes and the words it is taught."""

import json
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from training.architecture import TOKENS

START, END = "<|startoftext|>", "<|endoftext|>"
# CLIP's BPE writes the last symbol of a word with this mark.
_END_OF_WORD = "</w>"


def learn_merges(words: Iterable[str]) -> list[tuple[str, str]]:
    """Byte-pair merges that make one token of each word: letters, lower case.

    The most frequent pair first (Sennrich et al., 2016, algorithm 1), among equals the first by spelling:
    the tokenizers library's trainer breaks ties by chance, and tokens are to keep their numbers.
    """
    spellings = [[*word[:-1], word[-1] + _END_OF_WORD] for word in sorted(set(words))]
    merges = []
    while pairs := Counter(pair for symbols in spellings for pair in pairwise(symbols)):
        merge = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(merge)
        spellings = [_merged(symbols, merge) for symbols in spellings]
    return merges


def _merged(symbols: list[str], merge: tuple[str, str]) -> list[str]:
    result: list[str] = []
    for symbol in symbols:
        if result and (result[-1], symbol) == merge:
            result[-1] += symbol
        else:
            result.append(symbol)
    return result


def vocabulary(merges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Token numbers as CLIP orders them: bytes inside a word, at a word's end, merges, start and end."""
    characters = _byte_characters()
    tokens = [*characters, *(character + _END_OF_WORD for character in characters)]
    tokens += [first + second for first, second in merges]
    return {token: number for number, token in enumerate([*tokens, START, END])}


def write_tokenizer(folder: Path, merges: list[tuple[str, str]], *, padding: str = END) -> None:
    """Write the files that transformers' CLIPTokenizer loads."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": TOKENS,
        "bos_token": START,
        "eos_token": END,
        "unk_token": END,
        "pad_token": padding,
    }
    tokens = json.dumps(vocabulary(merges), indent=0, ensure_ascii=False)
    lines = ["#version: 0.2", *(f"{first} {second}" for first, second in merges)]
    (folder / "vocab.json").write_text(tokens + "\n", encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _byte_characters() -> list[str]:
    """The printable character that byte-level BPE writes for each byte (openai/gpt-2, encoder.py).

    Printable Latin-1 characters stand for themselves, the other bytes for U+0100 and up, in order.
    """
    printable = [
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    ]
    others = 256 - len(printable)
    return [chr(code) for code in printable] + [chr(256 + number) for number in range(others)]
