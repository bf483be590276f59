"""Where a model's files come from, and how the worker runs them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from darkroom.sandbox.sagemaker.configuration import ModelSource
from darkroom.sandbox.sagemaker.s3_objects import ObjectError, Objects
from darkroom.sandbox.sagemaker.worker import Handler, read_frame, write_frame
from tests.darkroom.sandbox.sagemaker.conftest import BUCKET, REGION, ROLE, Aws


def put(aws: Aws, key: str, body: bytes) -> None:
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)


def test_a_prefix_is_downloaded_without_its_neighbours_and_once(aws: Aws, tmp_path: Path) -> None:
    put(aws, "bundles/a/model/weights.txt", b"a")
    put(aws, "bundles/a/code/inference.py", b"pass")
    put(aws, "bundles/ab/model/weights.txt", b"not mine")
    objects = Objects("123456789012", REGION, ROLE)
    source = ModelSource(f"s3://{BUCKET}/bundles/a/", compressed=False)

    folder = objects.download_model(source, tmp_path / "models")

    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert files == ["code/inference.py", "model/weights.txt"]
    (folder / "marker").touch()
    assert (objects.download_model(source, tmp_path / "models") / "marker").exists()
    put(aws, "bundles/a/model/weights.txt", b"changed")
    assert objects.download_model(source, tmp_path / "models") != folder


@pytest.mark.skipif(
    not hasattr(tarfile, "data_filter"), reason="this Python's tarfile has no data filter (3.11.4 has)"
)
def test_an_archive_is_unpacked(aws: Aws, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("code/inference.py")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"pass"))
    put(aws, "model.tar.gz", packed.getvalue())
    source = ModelSource(f"s3://{BUCKET}/model.tar.gz", compressed=True)
    folder = Objects("123456789012", REGION, ROLE).download_model(source, tmp_path / "models")
    assert (folder / "code/inference.py").read_text() == "pass"


def test_what_is_no_archive_is_said_to_be_none(aws: Aws, tmp_path: Path) -> None:
    put(aws, "model.tar.gz", b"not packed")
    source = ModelSource(f"s3://{BUCKET}/model.tar.gz", compressed=True)
    with pytest.raises(ObjectError, match=r"model\.tar\.gz"):
        Objects("123456789012", REGION, ROLE).download_model(source, tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []


def test_an_object_can_not_be_written_outside_of_the_models_folder(aws: Aws, tmp_path: Path) -> None:
    put(aws, "bundles/a/../../../escaped.txt", b"out")
    source = ModelSource(f"s3://{BUCKET}/bundles/a/", compressed=False)
    with pytest.raises(ObjectError, match="outside"):
        Objects("123456789012", REGION, ROLE).download_model(source, tmp_path / "models")


def serving_module(**functions: Any) -> ModuleType:
    module = ModuleType("inference")
    module.__dict__.update(functions)
    return module


def test_serving_code_without_input_and_output_speaks_json() -> None:
    module = serving_module(model_fn=lambda _: 2, predict_fn=lambda data, model: data["x"] * model)
    answer = Handler(module, Path("/m")).answer(b'{"x": 21}', "application/json", "application/json")
    assert (answer.status, answer.content_type, answer.body) == (200, "application/json", b"42")
    refused = Handler(module, Path("/m")).answer(b"21", "text/csv", "application/json")
    assert refused.status == 400
    assert b"text/csv" in refused.body


def test_serving_code_may_take_the_context_and_choose_the_content_type() -> None:
    module = serving_module(
        model_fn=lambda model_dir, context: (model_dir, context.system_properties["model_dir"]),
        input_fn=lambda body, _: body,
        predict_fn=lambda data, _model, _context: data,
        output_fn=lambda prediction, _: (prediction, "image/png"),
    )
    answer = Handler(module, Path("/m")).answer(b"\x89PNG", "text/plain", "*/*")
    assert (answer.content_type, answer.body) == ("image/png", b"\x89PNG")


def test_every_exception_is_a_400_as_the_toolkit_has_it() -> None:
    def predict_fn(data: Any, model: Any) -> Any:
        raise ValueError("inside the model")

    module = serving_module(model_fn=lambda _: None, predict_fn=predict_fn)
    assert Handler(module, Path("/m")).answer(b"{}", "application/json", "*/*").status == 400


def test_serving_code_that_lacks_a_function_is_told_which() -> None:
    with pytest.raises(AttributeError, match=r"inference\.py has no predict_fn"):
        Handler(serving_module(model_fn=lambda _: None), Path("/m"))


def test_a_frame_survives_the_channel_and_half_a_frame_is_none() -> None:
    channel = io.BytesIO()
    write_frame(channel, {"status": 200}, b"\x00\xff" * 1000)
    whole = channel.getvalue()
    assert read_frame(io.BytesIO(whole)) == ({"status": 200}, b"\x00\xff" * 1000)
    assert read_frame(io.BytesIO(whole[:-1])) is None
    assert read_frame(io.BytesIO(b"")) is None
