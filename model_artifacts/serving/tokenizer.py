"""Reads a CLIP tokenizer's folder without transformers, whose import takes longer than loading a model.

What is built is what transformers' CLIPTokenizer builds (tokenization_clip.py, version 5), from the same
files: vocab.json and merges.txt, or tokenizer.json, which newer versions write instead; beside them
tokenizer_config.json and, in older models, special_tokens_map.json and added_tokens.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE

if TYPE_CHECKING:
    from collections.abc import Iterator

# The order in which transformers adds them, which decides the number of one that the vocabulary lacks.
_SPECIAL = {
    "bos_token": "<|startoftext|>",
    "eos_token": "<|endoftext|>",
    "unk_token": "<|endoftext|>",
    "pad_token": "<|endoftext|>",
}
# CLIP's words (openai/CLIP, simple_tokenizer.py).
_WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


@dataclass(frozen=True)
class ClipTokenizer:
    """Turns a text into exactly as many token numbers as the text encoder was compiled for."""

    backend: Tokenizer

    def encode(self, text: str) -> list[int]:
        """Start, words, end, padding; a text that is too long is cut."""
        numbers: list[int] = self.backend.encode(text).ids
        return numbers


def read_tokenizer(folder: Path, tokens: int) -> ClipTokenizer:
    """Read a tokenizer folder of a diffusers model.

    Args:
        tokens: length of every encoded text, start and end included.

    Raises:
        ValueError: the folder holds no CLIP tokenizer; the message names it.
    """
    try:
        special, added = _special_and_added(folder)
        backend = Tokenizer(_byte_pairs(folder, unknown=special["unk_token"].content))
        backend.normalizer = normalizers.Sequence(
            [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
        )
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        )
        backend.add_tokens(added)
        start, end, padding = (
            (special[role].content, backend.token_to_id(special[role].content) or 0)
            for role in ("bos_token", "eos_token", "pad_token")
        )
        # As RoBERTa's: start, text, end.
        backend.post_processor = processors.RobertaProcessing(
            end, start, trim_offsets=False, add_prefix_space=False
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{folder} is no CLIP tokenizer: {type(error).__name__}: {error}") from error
    backend.enable_truncation(max_length=tokens)
    backend.enable_padding(length=tokens, pad_token=padding[0], pad_id=padding[1])
    return ClipTokenizer(backend)


def _byte_pairs(folder: Path, *, unknown: str) -> BPE:
    vocabulary: Any
    merges: Any
    serialized = folder / "tokenizer.json"
    if serialized.exists():
        model = json.loads(serialized.read_bytes())["model"]
        vocabulary = model["vocab"]
        merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    else:
        vocabulary, merges = BPE.read_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
    return BPE(
        vocab=vocabulary,
        merges=merges,
        continuing_subword_prefix="",
        end_of_word_suffix="</w>",
        fuse_unk=False,
        unk_token=unknown,
    )


def _special_and_added(folder: Path) -> tuple[dict[str, AddedToken], list[AddedToken]]:
    """The special tokens by role, and all tokens that are found in a text before it is cut into words."""
    config = _read(folder / "tokenizer_config.json")
    numbered = {
        int(number): _token(token) for number, token in config.get("added_tokens_decoder", {}).items()
    }
    roles = {role: config.get(role) or token for role, token in _SPECIAL.items()}
    if not numbered:  # Models of before transformers 4.34 keep them in files of their own.
        roles |= {
            role: token for role, token in _read(folder / "special_tokens_map.json").items() if role in roles
        }
        numbered = dict(_legacy(folder, roles))
    by_content = {token.content: token for token in numbered.values()}
    special = {role: by_content.get(_content(token), _token(token)) for role, token in roles.items()}
    added = [token for _, token in sorted(numbered.items())]
    for token in special.values():
        token.special = True
        if token.content not in {other.content for other in added}:
            added.append(token)
    return special, added


def _legacy(folder: Path, roles: Mapping[str, Any]) -> Iterator[tuple[int, AddedToken]]:
    special = {_content(token) for token in roles.values()}
    for content, number in _read(folder / "added_tokens.json").items():
        yield number, AddedToken(content, normalized=content not in special, special=content in special)
    for described in _read(folder / "tokenizer.json").get("added_tokens", ()):
        yield described["id"], _token(described)


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    return content


def _content(token: str | Mapping[str, Any]) -> str:
    content: str = token if isinstance(token, str) else token["content"]
    return content


def _token(token: str | Mapping[str, Any]) -> AddedToken:
    if isinstance(token, str):
        return AddedToken(token, special=True)
    return AddedToken(**{key: value for key, value in token.items() if key not in ("id", "__type")})
