"""SageMaker's training jobs, run on this machine: the container's entry point in a process of its own.

What it downloads, where, what it uploads and what a failure says follow the SageMaker developer guide, "How
Amazon SageMaker AI Provides Training Information" and "How Amazon SageMaker AI Processes Training Output".
"""

from __future__ import annotations

from darkroom.sandbox.sagemaker.training.api import PLAYED, TrainingApi
from darkroom.sandbox.sagemaker.training.jobs import TrainingJobs

__all__ = ["PLAYED", "TrainingApi", "TrainingJobs"]
