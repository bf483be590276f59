"""Makes bundles: a model's parts, the serving code and a manifest, ready to be served."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# model_artifacts/ is the root of the model container's imports. What is packaged and what checks the
# package is the same code, imported here by the names it has there.
sys.path.insert(0, str(ROOT / "model_artifacts"))
