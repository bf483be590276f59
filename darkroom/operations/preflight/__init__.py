"""`darkroom preflight`: what would stop a deployment, or surprise whoever pays for it, before it begins.

Checks are small functions from a :class:`Situation` to findings; :data:`run.CHECKS` lists them.
"""

from darkroom.operations.preflight.finding import Finding, State
from darkroom.operations.preflight.run import CHECKS, preflight
from darkroom.operations.preflight.situation import Situation, situation_of

__all__ = ["CHECKS", "Finding", "Situation", "State", "preflight", "situation_of"]
