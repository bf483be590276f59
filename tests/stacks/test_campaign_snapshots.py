"""One snapshot a campaign file: whatever changes in a template is seen in review."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.stacks.synthesized import STACKS, Synth

CAMPAIGNS = sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "campaigns").glob("*.yaml"))

# Assets are named by the hash of their content: code that changes must not change a snapshot.
ASSET = re.compile(r"\b[0-9a-f]{64}(?=\.(zip|json)\b)")


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_every_campaign_file_synthesizes_to_its_snapshot(
    campaign: str, synth: Synth, snapshot: SnapshotAssertion
) -> None:
    synthesized = synth(campaign)
    templates = {stack: synthesized.template(stack) for stack in STACKS}
    masked = json.loads(ASSET.sub("ASSET", json.dumps(templates)))
    assert masked == snapshot


def test_there_is_a_campaign_to_take_a_snapshot_of() -> None:
    assert {"demo", "national-launch"} <= set(CAMPAIGNS)
