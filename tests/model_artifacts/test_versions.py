import pytest
from serving.bundle import BundleError
from serving.versions import check_versions, installed_version

# The Large Model Inference container for Neuron, 0.30.0 (serving/docker/pytorch-inf2.Dockerfile).
LMI = {"torch": "2.1.2", "torch-neuronx": "2.1.2.2.3.1", "neuronx-cc": "2.15.141.0"}


@pytest.mark.parametrize(
    "made_with",
    [
        {},
        LMI,
        {"neuronx-cc": "2.14.227.0+2d4f85be", "torch": "2.1.0"},
        # A patch makes no new format, what says nothing can't be compared, other packages may differ.
        {"neuronx-cc": "2.15.999.0+abc", "torch": "unknown", "diffusers": "9.9.9"},
    ],
)
def test_a_container_as_new_as_the_bundle_will_do(made_with: dict[str, str]) -> None:
    check_versions(made_with, LMI.get)


def test_a_bundle_of_a_newer_sdk_is_refused_with_every_package() -> None:
    made_with = {"torch": "2.8.0", "torch-neuronx": "2.8.0.2.10.1", "neuronx-cc": "2.21.18209.0+043b1bf7"}

    with pytest.raises(BundleError) as refused:
        check_versions(made_with, LMI.get)

    assert "torch 2.8.0, here is 2.1.2" in str(refused.value)
    assert "neuronx-cc 2.21.18209.0+043b1bf7, here is 2.15.141.0" in str(refused.value)


def test_what_is_not_installed_is_not_compared() -> None:
    check_versions({"torch": "99.0", "neuronx-cc": "99.0"}, {"torchvision": "1.0"}.get)


def test_installed_packages_are_asked_for_their_version() -> None:
    assert installed_version("torch")
    assert installed_version("neuronx-cc") is None
