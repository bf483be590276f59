"""Reads a campaign file's YAML, remembering the line of every field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from darkroom.campaign.problem import MISSING, FieldPath, Problem

MERGE_KEY = "<<"


class _Loader(yaml.SafeLoader):
    """YAML without dates: a time stays the text that its author wrote."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Document:
    """What a file says, where it says it, and what is wrong with it as YAML.

    Attributes:
        content: the mapping at the top, empty if there is none.
        lines: the line of each field, counted from 1.
        problems: syntax errors, duplicate keys, a top that is no mapping.
    """

    file: Path
    content: dict[str, Any]
    lines: dict[FieldPath, int]
    problems: tuple[Problem, ...]

    def line_of(self, path: FieldPath) -> int | None:
        """The line of a field, or of the nearest one around it that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


def read_document(file: Path) -> Document:
    """Read one file. Whatever is wrong with it is in the document's problems; nothing is raised."""
    try:
        loader = _Loader(file.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        marks = list(_marks(node, (), frozenset())) if node else []
        content = loader.construct_document(node) if node else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        return _unreadable(file, f"{error.problem} {error.context or ''}".strip(), line)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        return _unreadable(file, str(error), None)
    lines: dict[FieldPath, int] = {}
    problems = []
    for path, line in marks:
        if path in lines:
            rule = f"a key stands once in a mapping; this one stood at line {lines[path]} already"
            problems.append(Problem(path, MISSING, rule, "one of the two", file, line))
        lines.setdefault(path, line)
    if not isinstance(content, dict):
        rule = "a campaign file is a mapping at its top"
        problems.append(Problem((), content, rule, "name: ..., environment: ..., model: ...", file, 1))
        content = {}
    return Document(file, content, lines, tuple(problems))


def _unreadable(file: Path, rule: str, line: int | None) -> Document:
    problem = Problem((), MISSING, f"not readable as YAML: {rule}", "a YAML file in UTF-8", file, line)
    return Document(file, {}, {}, (problem,))


def _marks(node: yaml.Node, path: FieldPath, around: frozenset[yaml.Node]) -> Iterator[tuple[FieldPath, int]]:
    """Each field's path and line, a field that stands twice twice."""
    if node in around:
        raise yaml.MarkedYAMLError(problem="an alias of a value within itself", problem_mark=node.start_mark)
    around |= {node}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value != MERGE_KEY:
                yield (*path, key.value), key.start_mark.line + 1
                yield from _marks(value, (*path, key.value), around)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*path, index), item.start_mark.line + 1
            yield from _marks(item, (*path, index), around)
