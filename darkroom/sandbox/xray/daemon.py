"""The X-Ray daemon that Lambda runs beside each function: UDP in, traces out.

X-Ray developer guide, "Sending segment documents to the X-Ray daemon": a line ``{"format": "json",
"version": 1}`` and a document in one datagram. Segments of the services come here too, without the datagram.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from typing import Any

from moto.xray.models import xray_backends

from darkroom.sandbox.context import Context

_LONGEST = 65_536
_HEADER = {"format": "json", "version": 1}


class Daemon:
    """One port an account and region, for a document does not say where it belongs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._sockets: dict[tuple[str, str], socket.socket] = {}
        context.on_stop.append(self.close)

    def address(self, account_id: str, region: str) -> str:
        """For AWS_XRAY_DAEMON_ADDRESS."""
        with self._lock:
            here = self._sockets.get((account_id, region))
            if here is None:
                here = self._sockets[account_id, region] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                here.bind(("127.0.0.1", 0))
                threading.Thread(
                    target=self._listen, args=(here, account_id, region), name="xray-daemon", daemon=True
                ).start()
            return f"127.0.0.1:{here.getsockname()[1]}"

    def put(self, account_id: str, region: str, document: dict[str, Any]) -> None:
        """Keep a segment, its wall times turned into the sandbox's."""
        turned = self._in_sandbox_time(document)
        xray_backends[account_id][region].process_segment(json.dumps(turned))

    def close(self) -> None:
        """Listen no more."""
        with self._lock:
            sockets, self._sockets = list(self._sockets.values()), {}
        for one in sockets:
            # Closing alone does not wake who waits in recv.
            one.sendto(b"", one.getsockname())
            one.close()

    def _listen(self, here: socket.socket, account_id: str, region: str) -> None:
        while True:
            try:
                datagram = here.recv(_LONGEST)
            except OSError:
                return
            if not datagram:
                return
            header, _, text = datagram.partition(b"\n")
            try:
                if json.loads(header) != _HEADER:
                    raise ValueError(f"its first line is {header[:80]!r}, not {json.dumps(_HEADER)}")
                self.put(account_id, region, json.loads(text))
            except Exception as error:
                print(f"the X-Ray daemon took no segment out of a datagram: {error}", file=sys.stderr)

    def _in_sandbox_time(self, document: dict[str, Any]) -> dict[str, Any]:
        clock = self._context.clock
        turned: dict[str, Any] = {
            name: clock.from_wall(document[name]) for name in ("start_time", "end_time") if name in document
        }
        nested = [self._in_sandbox_time(one) for one in document.get("subsegments", [])]
        return {**document, **turned, **({"subsegments": nested} if nested else {})}
