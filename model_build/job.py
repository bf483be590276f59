"""One job of a model build: fine-tune, compile, or verify and publish.

SageMaker runs it as a training job's entry point, in a container that has none of this project's code: the
code comes as the input channel ``code``. It is a script, runs on Python 3.10, and imports nothing but the
standard library before the packages that its commands need are there.

A job's files are where SageMaker's training containers have them, below one root (``--root``, /opt/ml on AWS;
SageMaker developer guide, "How Amazon SageMaker AI Provides Training Information" and "... Processes Training
Output")::

    input/config/hyperparameters.json    what is asked for, every value a string
    input/data/CHANNEL/                  code, source, pictures, bundle
    checkpoints/                         kept in S3 from one job to the next: the compiler's cache
    model/                               uploaded when the job ends
    output/failure                       why it failed: the job's FailureReason
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CODE = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(CODE))

from model_build.packages import install_missing  # noqa: E402
from model_build.result import BUNDLE_URI, write_result  # noqa: E402
from model_build.source import SourceError, one_bundle, weights_folder, weights_source  # noqa: E402

_TAIL_LINES = 12
# The first 1024 characters of output/failure are shown.
_MOST_SHOWN = 1024


class CommandError(Exception):
    """A command of the project failed; the text has its last words."""


@dataclass(frozen=True)
class Job:
    """A job's root and what it was asked for."""

    root: Path
    asked: Mapping[str, str]

    def channel(self, name: str) -> Path:
        """The folder of an input channel; it is there only if the channel was given."""
        return self.root / "input" / "data" / name

    def given(self, name: str, option: str) -> list[str]:
        """``[option, value]`` if the value was given."""
        value = self.asked.get(name, "")
        return [option, value] if value else []


def fine_tune(job: Job) -> None:
    """Train a LoRA adapter and leave the tuned model, complete, in model/."""
    source = weights_folder(job.channel("source"), job.root / "work" / "source")
    options = [*job.given("steps", "--steps"), *job.given("rank", "--rank"), *job.given("seed", "--seed")]
    _run(
        "training",
        "lora",
        f"--source={source}",
        f"--pictures={job.channel('pictures')}",
        f"--output={job.root / 'work' / 'tuned'}",
        *options,
    )
    _move_into(job.root / "work" / "tuned", job.root / "model")


def compile_bundle(job: Job) -> None:
    """Compile the recipe's parts and leave the bundle in model/NAME/."""
    source, output = weights_source(job.channel("source")), job.root / "work" / "bundles"
    cache = job.root / "checkpoints"
    _run(
        "neuron_build",
        "package",
        job.asked["recipe"],
        f"--compiler={job.asked['compiler']}",
        f"--output={output}",
        *([f"--source={source}"] if source else []),
        *([f"--cache={cache}"] if cache.is_dir() else []),
        *job.given("name", "--name"),
    )
    bundle = one_bundle(output)
    _move_into(bundle, job.root / "model" / bundle.name)


def publish(job: Job) -> None:
    """Verify the bundle that was compiled, publish it under its digest, and say where."""
    bundle = one_bundle(job.channel("bundle"))
    _run("neuron_build", "verify", str(bundle))
    said = _run("neuron_build", "publish", str(bundle), job.asked["destination"])
    uri = said[-1].strip() if said else ""
    if not BUNDLE_URI.fullmatch(uri) or not uri.startswith(job.asked["destination"]):
        raise CommandError(
            f"publish ended without the bundle's place below {job.asked['destination']}: {uri!r}"
        )
    write_result(job.asked["result"], uri)


_JOBS: Mapping[str, tuple[Callable[[Job], None], Sequence[str]]] = {
    "fine-tune": (fine_tune, ("typer", "rich", "boto3", "diffusers", "transformers", "peft", "accelerate")),
    "compile": (compile_bundle, ("typer", "rich", "boto3", "diffusers", "transformers")),
    "publish": (publish, ("typer", "rich", "boto3")),
}


def _run(module: str, *arguments: str) -> list[str]:
    """Run ``python -m module``; its last lines.

    Raises:
        CommandError: it ended with another status than 0.
    """
    print(f"$ python -m {module} {' '.join(arguments)}", flush=True)
    paths = [str(CODE), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    child = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=CODE,
        # One line a message: a log is no terminal.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "COLUMNS": "2000"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    for line in child.stdout or ():
        print(line, end="", flush=True)
        tail.append(line.rstrip())
    status = child.wait()
    said = [line for line in tail if line.strip()]
    if status != 0:
        raise CommandError(
            f"python -m {module} {arguments[0]} ended with status {status}: {' | '.join(said)}"
        )
    return said


def _move_into(folder: Path, destination: Path) -> None:
    """Move what is in a folder into another that may be a mount point, and so can't be replaced."""
    destination.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.rename(destination / path.name)


def main(arguments: Sequence[str]) -> int:
    """Do one job; the exit status."""
    parser = argparse.ArgumentParser(description="One job of a model build.")
    parser.add_argument("job", choices=_JOBS)
    parser.add_argument("--root", type=Path, default=Path("/opt/ml"), help="where the job's files are")
    given = parser.parse_args(arguments)
    asked = json.loads((given.root / "input" / "config" / "hyperparameters.json").read_text(encoding="utf-8"))
    do, packages = _JOBS[given.job]
    try:
        install_missing(packages, constraints=CODE / "constraints.txt")
        do(Job(given.root, asked))
    except Exception as error:
        known = isinstance(error, (CommandError, SourceError))
        reason = str(error) if known else f"{type(error).__name__}: {error}"
        if not known:
            traceback.print_exc()
        print(f"failed: {reason}", file=sys.stderr)
        (given.root / "output").mkdir(parents=True, exist_ok=True)
        (given.root / "output" / "failure").write_text(reason[:_MOST_SHOWN], encoding="utf-8")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
