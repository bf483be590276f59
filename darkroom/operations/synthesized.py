"""What a deployment of a campaign would bring: the templates of its stacks, before any of them is there."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from darkroom.planner.synthesis import run_app


def stack_templates(campaign: str, campaigns: Path | None) -> dict[str, Mapping[str, Any]]:
    """The template of each of a campaign's stacks, by the stack's name.

    Args:
        campaigns: a folder with campaign files; None is the project's.

    Raises:
        PlanError: the campaign can't be synthesized.
    """
    context = {"campaign": campaign, **({"campaigns": str(campaigns)} if campaigns else {})}
    with tempfile.TemporaryDirectory() as folder:
        run_app(Path(folder), **context)
        assembly = Path(folder) / f"assembly-{campaign}"
        manifest = json.loads((assembly / "manifest.json").read_bytes())
        return {
            artifact["properties"].get("stackName", key): json.loads(
                (assembly / artifact["properties"]["templateFile"]).read_bytes()
            )
            for key, artifact in manifest["artifacts"].items()
            if artifact["type"] == "aws:cloudformation:stack"
        }
