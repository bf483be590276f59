"""What a check before a deployment asks of the sandbox's account: its quotas, and AWS's own images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Client = Callable[[str], Any]
AWS_ACCOUNT = "763104351884"


def test_quotas_have_the_names_that_aws_gives_them(client: Client) -> None:
    quotas = client("service-quotas").list_service_quotas(ServiceCode="sagemaker")["Quotas"]
    found = {quota["QuotaName"]: quota["Value"] for quota in quotas}
    assert found["ml.inf2.xlarge for endpoint usage"] > 0
    assert len({quota["QuotaCode"] for quota in quotas}) == len(quotas)
    assert client("service-quotas").list_service_quotas(ServiceCode="unheard-of")["Quotas"] == []


def test_aws_containers_are_there_for_everybody_and_nobody_elses_are(client: Client) -> None:
    ecr = client("ecr")
    repository, tag = "huggingface-pytorch-inference-neuronx", [{"imageTag": "2.8.0"}]
    found = ecr.batch_get_image(registryId=AWS_ACCOUNT, repositoryName=repository, imageIds=tag)
    assert found["images"][0]["imageId"]["imageTag"] == "2.8.0"
    assert found["images"][0]["registryId"] == AWS_ACCOUNT
    for account, name in ((AWS_ACCOUNT, "nobody"), ("123456789012", repository)):
        with pytest.raises(ClientError, match="RepositoryNotFoundException"):
            ecr.batch_get_image(registryId=account, repositoryName=name, imageIds=tag)
