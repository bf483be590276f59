"""Requests checked against botocore's model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from darkroom.sandbox.sagemaker import validation
from darkroom.sandbox.sagemaker.validation import service_model, violations

CHECKED = [
    ("sagemaker", "CreateModel"),
    ("sagemaker", "CreateEndpointConfig"),
    ("sagemaker", "CreateEndpoint"),
    ("sagemaker", "UpdateEndpoint"),
    ("sagemaker", "UpdateEndpointWeightsAndCapacities"),
    ("sagemaker-runtime", "InvokeEndpointAsync"),
]


def shapes_below(shape: Shape) -> Iterator[Shape]:
    yield shape
    if isinstance(shape, StructureShape):
        for member in shape.members.values():
            yield from shapes_below(member)
    elif isinstance(shape, ListShape):
        yield from shapes_below(shape.member)
    elif isinstance(shape, MapShape):
        yield from shapes_below(shape.key)
        yield from shapes_below(shape.value)


@pytest.mark.parametrize(("service", "operation"), CHECKED)
def test_every_pattern_of_the_operations_we_check_can_be_checked(service: str, operation: str) -> None:
    patterns = {
        shape.metadata["pattern"]
        for shape in shapes_below(service_model(service).operation_model(operation).input_shape)
        if "pattern" in shape.metadata
    }
    assert patterns
    for pattern in patterns:
        assert validation._compiled(pattern)


def test_all_that_is_wrong_is_said_at_once() -> None:
    said = violations(
        "sagemaker",
        "CreateEndpointConfig",
        {
            "ProductionVariants": [
                {
                    "VariantName": "All_Traffic",
                    "InstanceType": "ml.none",
                    "InitialInstanceCount": 0,
                    "VolumeSizeInGB": 513,
                    "InferenceAmiVersion": "al2",
                    "Colour": "blue",
                }
            ],
        },
    )
    assert said is not None
    assert said.startswith("7 validation errors detected: ")
    first = "productionVariants.1.member"
    for part in (
        "Value null at 'endpointConfigName' failed to satisfy constraint: Member must not be null",
        f"Value 'All_Traffic' at '{first}.variantName'",
        f"Value 'ml.none' at '{first}.instanceType' failed to satisfy constraint: Member must satisfy enum",
        f"Value '0' at '{first}.initialInstanceCount'",
        f"Value '513' at '{first}.volumeSizeInGB'",
        f"Value 'al2' at '{first}.inferenceAmiVersion'",
        f"'{first}.colour' is no member of ProductionVariant",
    ):
        assert part in said


def test_a_right_request_has_no_violations() -> None:
    request = {"EndpointName": "demo", "EndpointConfigName": "demo-1", "Tags": [{"Key": "a", "Value": "b"}]}
    assert violations("sagemaker", "CreateEndpoint", request) is None
