"""Pictures and their captions, from a folder or an S3 prefix; every problem is reported at once."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import boto3
from PIL import Image, UnidentifiedImageError

_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
_METADATA = "metadata.jsonl"


class PicturesError(ValueError):
    """What is wrong with a folder of captioned pictures, one line a problem."""

    def __init__(self, source: str, problems: list[str]) -> None:
        super().__init__("\n".join([f"{source} can't be trained on:", *(f"  {line}" for line in problems)]))
        self.problems = problems


@dataclass(frozen=True)
class CaptionedPicture:
    """A picture's file and what it shows."""

    path: Path
    text: str


@contextmanager
def opened(source: str) -> Iterator[list[CaptionedPicture]]:
    """The pictures of a folder or of s3://bucket/prefix, which is downloaded for as long as this is open.

    Raises:
        PicturesError: there are none, or any of them is not fit to train on.
    """
    if not source.startswith("s3://"):
        yield read_folder(Path(source), source)
        return
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        _download(source, Path(folder))
        yield read_folder(Path(folder), source)


def read_folder(folder: Path, source: str) -> list[CaptionedPicture]:
    """The pictures of a folder, in the order of their names.

    Captions are in metadata.jsonl, one object with file_name and text a picture (Hugging Face's
    ImageFolder), or in NAME.txt beside NAME.png. source is what errors call the folder.
    """
    if not folder.is_dir():
        raise PicturesError(source, ["there is no such folder"])
    problems: list[str] = []
    metadata = folder / _METADATA
    captions = (
        _from_metadata(metadata, problems) if metadata.is_file() else _from_text_files(folder, problems)
    )
    known = {name for name, _ in captions}
    for picture in _pictures(folder):
        if picture not in known:
            where = (
                f"a line in {_METADATA}"
                if metadata.is_file()
                else f"{PurePosixPath(picture).with_suffix('.txt')}"
            )
            problems.append(f"{picture}: has no caption; expected {where}")
    found = []
    for name, text in captions:
        if problem := _problem(folder, name, text):
            problems.append(problem)
        else:
            found.append(CaptionedPicture(folder / name, text.strip()))
    if not found and not problems:
        problems.append(f"no pictures; expected {', '.join(sorted(_PICTURES))} files with captions")
    if problems:
        raise PicturesError(source, sorted(problems))
    return sorted(found, key=lambda picture: picture.path)


def _pictures(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix.lower() in _PICTURES
    )


def _from_metadata(metadata: Path, problems: list[str]) -> list[tuple[str, str]]:
    captions: dict[str, str] = {}
    for number, line in enumerate(
        metadata.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
    ):
        if not line.strip():
            continue
        place = f"{_METADATA} line {number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            problems.append(f"{place}: is no JSON: {error.msg}")
            continue
        if not (
            isinstance(row, dict)
            and isinstance(row.get("file_name"), str)
            and isinstance(row.get("text"), str)
        ):
            problems.append(f'{place}: expected {{"file_name": "...", "text": "..."}}')
        elif row["file_name"] in captions:
            problems.append(f"{place}: {row['file_name']} has a caption already")
        else:
            captions[row["file_name"]] = row["text"]
    return list(captions.items())


def _from_text_files(folder: Path, problems: list[str]) -> list[tuple[str, str]]:
    captions = []
    texts = {path.relative_to(folder).as_posix() for path in folder.rglob("*.txt")}
    for picture in _pictures(folder):
        name = PurePosixPath(picture).with_suffix(".txt").as_posix()
        if name in texts:
            captions.append((picture, (folder / name).read_text(encoding="utf-8", errors="replace")))
    used = {PurePosixPath(picture).with_suffix(".txt").as_posix() for picture, _ in captions}
    problems += [f"{name}: is a caption without a picture" for name in texts - used]
    return captions


def _problem(folder: Path, name: str, text: str) -> str | None:
    """What is wrong with one picture, or None."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        return f"{name}: is outside of the folder"
    if not path.is_file():
        return f"{name}: is not in the folder"
    if not text.strip():
        return f"{name}: its caption is empty"
    try:
        with Image.open(path) as image:
            image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        return f"{name}: can't be read as a picture: {type(error).__name__}"
    return None


def _download(source: str, folder: Path) -> None:
    """Copy what is under an S3 prefix into a folder."""
    bucket, _, prefix = source.removeprefix("s3://").partition("/")
    if prefix and not prefix.endswith("/"):
        prefix += "/"
    client = boto3.client("s3")
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            name = entry["Key"].removeprefix(prefix)
            if not name or name.endswith("/") or ".." in PurePosixPath(name).parts:
                continue
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(bucket, entry["Key"], str(path))
