"""What the documents name is there: files, tests, and the command's words and options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from darkroom.cli import app

_ROOT = Path(__file__).parents[1]
_DOCUMENTS = [_ROOT / "README.md", *sorted((_ROOT / "docs").glob("*.md"))]
_MADE = {"node_modules", "out"}
_FOLDERS = {path.name for path in _ROOT.iterdir() if path.is_dir() and path.name.isidentifier()} - _MADE
_FILE = re.compile(rf"(?<![\w./-])(?:{'|'.join(_FOLDERS)})/[\w./-]*\w")
_TEST = re.compile(r"\btest_\w+(?:\.py)?")
_CODE = re.compile(r"`([^`\n]+)`|^ {4,}(\S.*)$", re.MULTILINE)
_COMMAND = re.compile(r"(?:^|[$(\"|] ?|&& )darkroom ([a-z][^`|#;&)\"]*)")


def _commands(text: str) -> Iterator[list[str]]:
    """The words after each `darkroom` in code, spans and indented lines; in prose it is a name."""
    for span, line in _CODE.findall(text):
        for words in _COMMAND.findall(span or line):
            yield words.split()


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: path.name)
def test_every_file_and_test_that_a_document_names_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    # Words in capitals stand for a name: campaigns/YOURS.yaml.
    files = {file for file in _FILE.findall(text) if not re.search(r"[A-Z]{2,}", Path(file).name)}
    gone = {file for file in files if not any((root / file).exists() for root in (_ROOT, _ROOT / "tests"))}
    assert not gone
    assert not {test for test in _TEST.findall(text) if test not in _tests()}


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_a_document_shows_can_be_given(document: Path) -> None:
    for words in _commands(document.read_text(encoding="utf-8")):
        command: Any = typer.main.get_command(app)
        path: list[str] = []
        while words and hasattr(command, "commands"):
            path.append(words.pop(0).rstrip(",."))
            assert path[-1] in command.commands, f"{document.name} shows darkroom {' '.join(path)}"
            command = command.commands[path[-1]]
        known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        options = {word.strip("[],.").split("=")[0] for word in words if word.lstrip("[").startswith("--")}
        assert options <= known, f"{document.name} shows darkroom {' '.join(path)} {options - known}"


def test_readme_lists_every_command() -> None:
    text = (_ROOT / "README.md").read_text(encoding="utf-8")
    [table] = re.findall(r"^## The commands\n(.*?)^## ", text, re.DOTALL | re.MULTILINE)
    cells = re.findall(r"^\|([^|]*)\|", table, re.MULTILINE)
    listed = {code.split()[0] for cell in cells for code in re.findall(r"`([^`]+)`", cell)}
    command: Any = typer.main.get_command(app)
    assert set(command.commands) <= listed


def _tests() -> set[str]:
    """Names of test files, with and without their ending, and of test functions."""
    files = list((_ROOT / "tests").rglob("test_*.py"))
    functions = {
        name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)
    }
    return functions | {file.name for file in files} | {file.stem for file in files}
