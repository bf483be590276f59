"""The real CDK CLI against a sandbox."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from darkroom.sandbox.process import REGION, SandboxProcess

ACCOUNT = "123456789012"
_REPOSITORY = Path(__file__).parents[2]
_CLI = _REPOSITORY / "node_modules" / ".bin" / "cdk"
_SECONDS = 600.0


class CdkError(Exception):
    """The CLI failed; the text is what it printed."""


class Cdk:
    """Runs the CLI that package.json pins, in the app's folder, with the sandbox as its AWS.

    Args:
        sandbox: the running sandbox.
        app_folder: the folder with cdk.json.
        campaigns: a folder with campaign files to take in the place of the app's own.

    Every method returns what the CLI printed.

    Raises:
        CdkError: the CLI ended with another status than 0, or did not end in time.
    """

    def __init__(
        self, sandbox: SandboxProcess, *, app_folder: Path = _REPOSITORY, campaigns: Path | None = None
    ) -> None:
        self._sandbox = sandbox
        self._folder = app_folder
        self._campaigns = campaigns

    def bootstrap(self) -> str:
        """Make the CDK's own stack, CDKToolkit."""
        # Where there is no app: the CLI would synthesize all of it to look for environments to bootstrap.
        with tempfile.TemporaryDirectory(prefix="darkroom-cdk-") as folder:
            return self._run("bootstrap", f"aws://{ACCOUNT}/{REGION}", folder=Path(folder))

    def synth(self, *stacks: str, campaign: str | None = None) -> str:
        """Synthesize without printing the templates."""
        return self.run("synth", "--quiet", *stacks, *self._context(campaign))

    def deploy(self, *stacks: str, campaign: str | None = None) -> str:
        """Deploy, asking nothing."""
        return self.run(
            "deploy", *stacks, "--require-approval=never", "--progress=events", *self._context(campaign)
        )

    def destroy(self, *stacks: str, campaign: str | None = None) -> str:
        """Destroy, asking nothing."""
        return self.run("destroy", *stacks, "--force", *self._context(campaign))

    def run(self, *arguments: str) -> str:
        """Run ``cdk`` with ``arguments``."""
        return self._run(*arguments, folder=self._folder)

    def _run(self, *arguments: str, folder: Path) -> str:
        environment = self._sandbox.env()
        # cdk.json says python3: this interpreter's, with the app's packages, whatever is active.
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        with tempfile.TemporaryDirectory(prefix="darkroom-cdk-") as home:
            # The CLI's cache of account ids is not the user's.
            environment["CDK_HOME"] = home
            command = [str(_CLI), "--no-notices", "--no-version-reporting", "--ci"]
            try:
                done = subprocess.run(
                    [*command, f"--output={home}/cdk.out", *arguments],
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    timeout=_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise CdkError(f"cdk {' '.join(arguments)} did not end in {_SECONDS:.0f} s") from error
        if done.returncode != 0:
            raise CdkError(f"cdk {' '.join(arguments)} failed:\n{done.stdout}")
        return done.stdout

    def _context(self, campaign: str | None) -> list[str]:
        given = {"campaign": campaign, "campaigns": self._campaigns}
        return [f"--context={key}={value}" for key, value in given.items() if value is not None]
