"""What is served: the container image and the bundle."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.exceptions

from darkroom.campaign import LocalBundle, RemoteBundle
from darkroom.campaign.bundle import MANIFEST
from darkroom.campaign.fields import IMAGE
from darkroom.campaign.model import ADAPTER
from darkroom.operations.preflight.finding import Finding, ok, problem, warning
from darkroom.operations.preflight.situation import Situation

_MISSING = ("NoSuchBucket", "NoSuchKey", "404")


def image(situation: Situation) -> Iterator[Finding]:
    """The model's container image is in ECR, and can be seen from here."""
    uris = {
        situation.text(properties["PrimaryContainer"]["Image"])
        for _, properties in situation.resources("AWS::SageMaker::Model")
    }
    for uri in sorted(uri for uri in uris if uri):
        yield _image(situation, uri)


def _image(situation: Situation, uri: str) -> Finding:
    subject, parts = "container image", re.fullmatch(IMAGE, uri)
    do = "Correct endpoint.image, or push the image there; SageMaker takes none from outside the region."
    if parts is None:
        return problem(subject, f"{uri} is no image in ECR", do)
    if parts["region"] != situation.campaign.file.environment.region:
        return problem(subject, f"{uri} is in another region", do)
    version = parts.group(4)
    image_id = {"imageDigest": version[1:]} if version.startswith("@") else {"imageTag": version[1:]}
    try:
        # AWS's own repositories let everybody pull and nobody describe.
        found = situation.client("ecr").batch_get_image(
            registryId=parts["account"], repositoryName=parts["repository"], imageIds=[image_id]
        )
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "RepositoryNotFoundException":
            raise
        return problem(subject, f"account {parts['account']} has no repository {parts['repository']}", do)
    if not found["images"]:
        return problem(subject, f"{uri} is not there", do)
    return ok(subject, uri)


def bundle(situation: Situation) -> Iterator[Finding]:
    """The bundle is there, whole, and made for this recipe, container and hardware."""
    chosen, subject = situation.campaign.bundle, "model bundle"
    if isinstance(chosen, LocalBundle):
        # Loading the campaign compared every file with the manifest.
        manifest = json.loads((chosen.root / MANIFEST).read_bytes())
        yield from _fits(situation, manifest, f"{chosen.root.name}, {chosen.digest[:12]}")
    elif isinstance(chosen, RemoteBundle):
        yield from _remote(situation, chosen)
    else:
        yield ok(subject, "none yet: the first build publishes one and brings the endpoint")


def _remote(situation: Situation, chosen: RemoteBundle) -> Iterator[Finding]:
    uri, s3, subject = f"s3://{chosen.bucket}/{chosen.prefix}", situation.client("s3"), "model bundle"
    try:
        body = s3.get_object(Bucket=chosen.bucket, Key=f"{chosen.prefix}{MANIFEST}")["Body"].read()
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in _MISSING:
            raise
        yield problem(
            subject,
            f"there is no {MANIFEST} at {uri} ({error.response['Error']['Code']})",
            "Publish one: `python -m neuron_build publish BUNDLE s3://bucket/prefix/`; its last line is what "
            "model.bundle should say.",
        )
        return
    try:
        manifest = json.loads(body)
        files: Mapping[str, Any] = manifest["files"]
    except (ValueError, KeyError, TypeError):
        yield problem(subject, f"{MANIFEST} at {uri} is no manifest", "Publish the bundle again.")
        return
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=chosen.bucket, Prefix=chosen.prefix)
    there = {
        entry["Key"].removeprefix(chosen.prefix): entry["Size"]
        for page in pages
        for entry in page.get("Contents", [])
    }
    wrong = sorted(path for path, file in files.items() if there.get(path) != file["bytes"])
    if wrong:
        yield problem(
            subject,
            f"{len(wrong)} of its {len(files)} files are missing or of another size, such as {wrong[0]}",
            "Publish the bundle again: it uploads what lacks.",
        )
    else:
        yield from _fits(situation, manifest, uri)


def _fits(situation: Situation, manifest: Mapping[str, Any], what: str) -> Iterator[Finding]:
    campaign, subject = situation.campaign, "model bundle"
    adapter, sizes = manifest.get("adapter", "sagemaker"), [tuple(size) for size in manifest.get("sizes", [])]
    if manifest.get("recipe") != campaign.recipe.name:
        yield problem(
            subject,
            f"{what} was made for recipe {manifest.get('recipe')}, the campaign's is {campaign.recipe.name}",
            "Correct model.recipe or model.bundle.",
        )
    elif adapter != ADAPTER[campaign.container]:
        yield problem(
            subject,
            f"{what} is laid out for {adapter}, the container {campaign.container} reads "
            f"{ADAPTER[campaign.container]}",
            "Set endpoint.container, or package the bundle for this one (--adapter).",
        )
    elif sizes and campaign.size not in sizes:
        yield problem(
            subject,
            f"{what} has no {campaign.size[0]}x{campaign.size[1]}, the campaign's default size",
            f"Set model.width and model.height to one of {', '.join(f'{w}x{h}' for w, h in sizes)}.",
        )
    elif manifest.get("compiler") == "cpu":
        yield warning(
            subject,
            f"{what} was compiled for a CPU; the NeuronCores of the instances would stand idle",
            "Right for the sandbox. For AWS package it with --compiler neuron.",
        )
    else:
        yield ok(subject, what)
