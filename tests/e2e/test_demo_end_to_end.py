"""`make demo` itself: every claim it makes holds, and it leaves a report that can be looked at."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e


def test_the_demo_holds_every_claim_and_leaves_pictures_and_a_report(tmp_path: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "darkroom", "demo", "--output", tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "COLUMNS": "160"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "BROKEN" not in done.stdout
    assert "Left after cdk destroy: nothing" in done.stdout
    report = (tmp_path / "index.html").read_text(encoding="utf-8")
    pictures = sorted(tmp_path.glob("*.png"))
    assert len(pictures) == 5
    assert all(picture.name in report for picture in pictures)
    assert report.count("<svg") == 4
