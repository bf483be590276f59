"""A hub's client against a server with a hub's answers; a real hub was never asked."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tiny_sd15: Path) -> Iterator[tuple[str, list[str]]]:
    """The URL of a hub that has acme/tiny, and the paths it was asked for."""
    files = {path.relative_to(tiny_sd15).as_posix(): path for path in tiny_sd15.rglob("*") if path.is_file()}
    extra = {"unet/diffusion_pytorch_model.fp16.safetensors": b"half", "model.ckpt": b"pickle"}
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            path = self.path.partition("?")[0]
            if path.startswith("/api/models/acme/tiny/revision/") or path == "/api/models/acme/tiny":
                siblings = [{"rfilename": name} for name in [*files, *extra]]
                answer = {
                    "_id": "1",
                    "id": "acme/tiny",
                    "sha": COMMIT,
                    "siblings": siblings,
                    "private": False,
                }
                self._send(200, json.dumps({**answer, "tags": [], "downloads": 0, "likes": 0}).encode())
            elif path.startswith("/api/models/acme/tiny/tree/"):
                tree = [
                    {"type": "file", "path": name, "size": file.stat().st_size, "oid": _oid(file)}
                    for name, file in files.items()
                ]
                tree += [
                    {"type": "file", "path": name, "size": len(extra[name]), "oid": "0" * 40}
                    for name in extra
                ]
                self._send(200, json.dumps(tree).encode())
            elif path.startswith("/acme/tiny/resolve/"):
                name = path.split("/", 5)[5]
                self._send(200, files[name].read_bytes() if name in files else extra[name], _oid(files[name]))
            else:
                self._send(404, b'{"error": "Repository not found"}', error="RepoNotFound")

        do_HEAD = do_GET  # noqa: N815

        def _send(self, status: int, body: bytes, tag: str = "", error: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("X-Repo-Commit", COMMIT)
            if tag:
                self.send_header("ETag", f'"{tag}"')
            if error:
                self.send_header("X-Error-Code", error)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def _oid(path: Path) -> str:
    return hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()


def fetch(name: str, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the client reads HF_ENDPOINT when it is imported."""
    code = (
        "import sys; from pathlib import Path; import neuron_build; from neuron_build.digests import Digests;"
        "from neuron_build.plan import find_recipe; from neuron_build.sources.source import open_source;"
        "from neuron_build.sources.diffusers_folder import check_source; recipe = find_recipe('tiny-sd15');"
        "source = open_source(sys.argv[1], recipe, Path(sys.argv[2]), Digests(), lambda _: None);"
        "check_source(source.folder, recipe); print(source.model, '|', source.description)"
    )
    environment = {"HF_ENDPOINT": url, "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, name, str(folder)],
        cwd=ROOT,
        env={**os.environ, **environment, "HF_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_a_model_of_a_hub_is_fetched_by_its_id_without_what_is_not_compiled(
    hub: tuple[str, list[str]], tmp_path: Path
) -> None:
    url, asked = hub
    fetched = fetch("acme/tiny", url, tmp_path)

    assert fetched.returncode == 0, fetched.stderr
    assert fetched.stdout.strip() == f"acme/tiny | acme/tiny at revision {COMMIT}"
    assert not any("fp16" in path or "ckpt" in path for path in asked if "resolve" in path)


def test_a_model_that_a_hub_does_not_have_is_said_so(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    missing = fetch("acme/none", hub[0], tmp_path)

    assert missing.returncode != 0
    assert "SourceError: acme/none can't be fetched" in missing.stderr


def test_without_a_hub_the_error_says_what_else_can_be_done(tmp_path: Path) -> None:
    missing = fetch("acme/tiny", "http://127.0.0.1:9", tmp_path)

    assert "give its folder with --source" in missing.stderr
