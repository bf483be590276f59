"""Campaign files for tests: the demo's, with some fields changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_DEMO = Path(__file__).parents[2] / "campaigns" / "demo.yaml"


def write_campaign(folder: Path, name: str, **changes: Any) -> Path:
    """Write ``folder/name.yaml``: campaigns/demo.yaml under another name, ``changes`` merged into it.

    A change that is a mapping is merged into the section of its name; anything else replaces the field.
    """
    content = yaml.safe_load(_DEMO.read_text(encoding="utf-8"))
    content["name"] = name
    for field, value in changes.items():
        content[field] = {**content.get(field, {}), **value} if isinstance(value, dict) else value
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path
