"""`make demo` itself: every claim it makes holds, and it leaves a report that can be looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from darkroom.demo.image_requests import AGAIN, CROWD, FIRST, SURGE

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
    asked = [*FIRST, CROWD, *SURGE, *AGAIN]
    assert len(pictures) == len({json.dumps(request, sort_keys=True) for request in asked})
    assert all(picture.name in report for picture in pictures)
    assert report.count("<svg") == 4
