"""Synthesizing campaigns against an empty CDK app, and the cost of each further campaign."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ratio import Ratio, from_pairs

REPOSITORY = Path(__file__).resolve().parent.parent
_EMPTY_APP = "import aws_cdk as cdk; app = cdk.App({options}); cdk.Stack(app, 'empty'); app.synth()"
_CAMPAIGN = """\
name: bench-{number}
environment: {{account: "111122223333", region: us-west-2}}
model: {{recipe: sd21, bundle: "s3://example-model-bundles/sd21/1/"}}
endpoint: {{instance_type: ml.inf2.xlarge}}
"""


@dataclass(frozen=True)
class Growth:
    """Median wall seconds of a synth by the number of campaigns, and what one more costs on average."""

    seconds: Sequence[tuple[int, float]]
    seconds_per_campaign: float
    goal: float


def one_campaign() -> Ratio:
    """``app.py`` with one campaign over an app with one empty stack, both in fresh interpreters."""
    return _over("synth of one campaign over an empty CDK app", _EMPTY_APP.format(options=""), goal=1.5)


def one_campaign_without_validation() -> Ratio:
    """The same over an empty app that leaves CDK's own validation out, as ``app.py`` does.

    That validation takes longer than a synth; the tests run it, and cfn-lint, over every campaign.
    """
    empty = _EMPTY_APP.format(options="builtin_cloud_formation_validation=False")
    return _over("the same, CDK's own validation left out of both", empty, goal=None)


def _over(name: str, empty_app: str, *, goal: float | None, rounds: int = 7) -> Ratio:
    with tempfile.TemporaryDirectory() as folder:
        _write_campaigns(Path(folder), 1)
        pairs = [(_synth(Path(folder)), _run(["-c", empty_app], {})) for _ in range(rounds + 1)]
    return from_pairs(name, pairs[1:], goal=goal)


def growth(counts: Sequence[int] = (1, 2, 4, 8), rounds: int = 3) -> Growth:
    """Synth of several campaigns in one app; the slope by least squares over ``counts``."""
    with tempfile.TemporaryDirectory() as name:
        folders = {count: Path(name) / str(count) for count in counts}
        for count, folder in folders.items():
            folder.mkdir()
            _write_campaigns(folder, count)
        measured = [[_synth(folders[count]) for count in counts] for _ in range(rounds)]
    medians = [sorted(column)[rounds // 2] for column in zip(*measured, strict=True)]
    mean_count = sum(counts) / len(counts)
    mean_seconds = sum(medians) / len(medians)
    slope = sum(
        (count - mean_count) * (seconds - mean_seconds)
        for count, seconds in zip(counts, medians, strict=True)
    ) / sum((count - mean_count) ** 2 for count in counts)
    return Growth(list(zip(counts, medians, strict=True)), slope, goal=0.5)


def _write_campaigns(folder: Path, count: int) -> None:
    for number in range(count):
        (folder / f"bench-{number}.yaml").write_text(_CAMPAIGN.format(number=number))


def _synth(campaigns: Path) -> float:
    # The CDK CLI hands cdk.json's context and -c to the app in this variable.
    context = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
    return _run(["app.py"], {"CDK_CONTEXT_JSON": json.dumps({**context, "campaigns": str(campaigns)})})


def _run(arguments: Sequence[str], environment: dict[str, str]) -> float:
    with tempfile.TemporaryDirectory() as output:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, *arguments],
            cwd=REPOSITORY,
            env={**os.environ, **environment, "CDK_OUTDIR": output},
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - start
