"""A CLIP tokenizer whose vocabulary is the 256 bytes: it reads every language and needs no hub."""

import json
from pathlib import Path

# CLIP reads 77 tokens, the two that mark start and end included.
TOKENS = 77
_START, _END = "<|startoftext|>", "<|endoftext|>"
# CLIP's BPE writes the last symbol of a word with this mark.
_END_OF_WORD = "</w>"


def byte_vocabulary() -> dict[str, int]:
    """Token numbers: each byte inside a word, each byte at a word's end, then start and end of text."""
    characters = _byte_characters()
    tokens = [*characters, *(character + _END_OF_WORD for character in characters), _START, _END]
    return {token: number for number, token in enumerate(tokens)}


def write_byte_tokenizer(folder: Path, *, padding: str = _END) -> None:
    """Write the files that transformers' CLIPTokenizer loads."""
    folder.mkdir(parents=True)
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": TOKENS,
        "bos_token": _START,
        "eos_token": _END,
        "unk_token": _END,
        "pad_token": padding,
    }
    vocabulary = json.dumps(byte_vocabulary(), indent=0, ensure_ascii=False)
    (folder / "vocab.json").write_text(vocabulary + "\n", encoding="utf-8")
    # No merges: only the header that every version of the tokenizer skips.
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
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
