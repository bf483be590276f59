"""What a plan refuses, in words for the person who asked for it."""

from __future__ import annotations


class PlanError(ValueError):
    """Something that was handed to the planner is wrong: what, where, and what would be right."""
