"""What is accepted of the inference stack."""

from __future__ import annotations

from stacks.acknowledgements.acknowledgement import (
    ANY_KEY,
    INLINE,
    KEYS_OF_BUNDLE,
    KEYS_OF_JOBS,
    NO_RESOURCE,
    NO_RESOURCE_ATTACHED,
    Acknowledged,
    objects,
    one,
    wildcard,
)
from stacks.campaign_stage import CampaignStage
from stacks.rollout import update_alarms_arn
from stacks.served_bundle import PREFIX

NAME_FOR_VALUE = one(
    "CloudFormation-Validate::F3031",
    "The rule takes a parameter's default for its value, and the default of one of the SSM type is a name; "
    "the value is the URI of the bundle that a build published. Loading checked the URI of the file.",
)
ALARMS_OF_UPDATES = (
    "The alarms of an update end with its endpoint configuration's name, which is another with each; what "
    "they begin with is the campaign's own."
)


def of_inference(stage: CampaignStage) -> Acknowledged:
    """The model's role, and the model."""
    inference = stage.inference
    role = inference.role
    yield role, INLINE
    yield role, wildcard("*", NO_RESOURCE_ATTACHED if stage.data.network else NO_RESOURCE)
    if inference.bundle is not None:
        bucket, prefix = inference.bundle
        bundle = f"arn:{inference.partition}:s3:::{bucket}/{prefix}*"
        yield role, wildcard(inference.resolve(bundle), KEYS_OF_BUNDLE)
    if stage.data.built is not None:
        yield role, objects(stage.data.built.bucket, f"{PREFIX}*", KEYS_OF_BUNDLE, user=inference)
        if inference.bundle is not None:
            yield inference.model, NAME_FOR_VALUE
    yield role, wildcard(inference.resolve(update_alarms_arn(inference, stage.campaign)), ALARMS_OF_UPDATES)
    yield role, wildcard(f"arn:{inference.partition}:kms:{inference.region}:*:key/*", ANY_KEY)
    if inference.topics:
        data = stage.data
        yield role, objects(data.payloads, "payloads/*", KEYS_OF_JOBS, user=inference)
        yield role, objects(data.pictures, "pictures/*", KEYS_OF_JOBS, user=inference)
        yield role, objects(data.pictures, "failures/*", KEYS_OF_JOBS, user=inference)
