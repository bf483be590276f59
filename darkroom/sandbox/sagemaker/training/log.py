"""What a training job prints: to CloudWatch Logs, in the group that all of an account's jobs share."""

from __future__ import annotations

import subprocess
import sys
import threading

from moto.logs.models import logs_backends

from darkroom.sandbox.context import Context

LOG_GROUP = "/aws/sagemaker/TrainingJobs"


class TrainingLog:
    """The log stream of one job's one instance."""

    def __init__(self, context: Context, account_id: str, region: str, job: str) -> None:
        self._context = context
        self._backend = logs_backends[account_id][region]
        self._job = job
        self.stream = f"{job}/algo-1-{int(context.clock.now())}"

    def follow(self, child: subprocess.Popen[bytes]) -> threading.Thread:
        """Write what a process prints until it closes its output."""

        def read() -> None:
            for line in child.stdout or ():
                self._write(line.decode(errors="replace").rstrip())

        thread = threading.Thread(target=read, name=f"log of {self._job}", daemon=True)
        thread.start()
        return thread

    def _write(self, line: str) -> None:
        if self._context.settings.verbose:
            print(f"{self._job}: {line}", file=sys.stderr)
        self._backend.ensure_log_group(LOG_GROUP)
        group = self._backend.groups[LOG_GROUP]
        if self.stream not in group.streams:
            group.create_log_stream(self.stream)
        # The group takes what the backend would drop: moto compares with the wall's time.
        moment = int(self._context.clock.now() * 1000)
        group.put_log_events(self.stream, [{"timestamp": moment, "message": line}])
