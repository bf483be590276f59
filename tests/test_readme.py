"""What README shows is what the project takes."""

from __future__ import annotations

import re
from pathlib import Path

from darkroom.campaign import Sources, load_campaigns

_ROOT = Path(__file__).parents[1]


def test_the_campaign_file_that_readme_explains_is_valid(tmp_path: Path) -> None:
    [snippet] = re.findall(r"```yaml\n(.*?)```", (_ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "summer-launch.yaml").write_text(snippet, encoding="utf-8")
    [campaign] = load_campaigns(Sources(campaigns=tmp_path))
    assert campaign.name == "summer-launch"


def test_every_file_that_the_documentation_links_to_is_there() -> None:
    for document in [_ROOT / "README.md", *(_ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name} links to {link}"
