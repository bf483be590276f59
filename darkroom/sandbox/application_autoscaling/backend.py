"""moto's Application Auto Scaling backend, which also scales."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import wraps
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import (
    ApplicationAutoscalingBackend,
    FakeApplicationAutoscalingPolicy,
    FakeScalableTarget,
)
from moto.applicationautoscaling.urls import url_bases
from moto.cloudwatch.models import Alarm, cloudwatch_backends
from moto.core.exceptions import JsonRESTError

from darkroom.autoscaling.capacity import apply_scheduled_action
from darkroom.autoscaling.policies import ScalingPolicy, ScheduledAction, TargetTrackingPolicy
from darkroom.autoscaling.properties import read_scaling_policy, read_scheduled_action
from darkroom.autoscaling.template import VARIANT_DIMENSION
from darkroom.sandbox.application_autoscaling.activities import ScalingActivities
from darkroom.sandbox.application_autoscaling.responses import SandboxScalingResponse
from darkroom.sandbox.application_autoscaling.scaling import (
    PolicyInvocation,
    TargetScaling,
    limits_of,
    policy_of,
    registered_limits,
    suspended_of,
)
from darkroom.sandbox.application_autoscaling.schedules import definition_of, is_due
from darkroom.sandbox.application_autoscaling.tracking_alarms import delete_alarms, make_alarms
from darkroom.sandbox.application_autoscaling.variant import Variant, VariantError, capacity_of, is_variant
from darkroom.sandbox.clock import Clock
from darkroom.sandbox.context import current

_Method = TypeVar("_Method", bound=Callable[..., Any])


def _one_at_a_time(method: _Method) -> _Method:
    """API calls come on threads of their own, and time passes on another."""

    @wraps(method)
    def locked(self: SandboxScalingBackend, *args: Any, **kwargs: Any) -> Any:
        with self._lock:
            return method(self, *args, **kwargs)

    return cast(_Method, locked)


class SandboxScalingBackend(ApplicationAutoscalingBackend):
    """One account's Application Auto Scaling in one region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._lock = threading.RLock()
        self.activities = ScalingActivities()
        self._scalings: dict[str, TargetScaling] = {}
        self._definitions: dict[str, ScalingPolicy] = {}

    @property
    def clock(self) -> Clock:
        """The sandbox's clock."""
        return current().clock

    @property
    def _url_module(self) -> Any:
        """moto looks for a urls module beside the backend's; this is ours."""
        return SimpleNamespace(url_bases=url_bases, url_paths={"{0}/$": SandboxScalingResponse.dispatch})

    @_one_at_a_time
    def register_scalable_target(
        self,
        namespace: str,
        r_id: str,
        dimension: str,
        min_capacity: int | None,
        max_capacity: int | None,
        role_arn: str,
        suspended_state: Any,
    ) -> FakeScalableTarget:
        """Register or update a target, and bring its capacity within the limits."""
        if namespace != "sagemaker" or dimension != VARIANT_DIMENSION or not is_variant(r_id):
            raise AWSValidationException(
                f"The local AWS scales {VARIANT_DIMENSION} of endpoint/NAME/variant/NAME only, "
                f"not {dimension} of {r_id} in {namespace}"
            )
        known = self.targets.get(dimension, {}).get(r_id)
        try:
            limits = registered_limits(known, min_capacity, max_capacity)
            capacity_of(self._variant(r_id))
        except (ValueError, VariantError) as error:
            raise AWSValidationException(str(error)) from error
        target = super().register_scalable_target(
            namespace, r_id, dimension, min_capacity, max_capacity, role_arn, suspended_state
        )
        if known is None:
            target.creation_time = self.clock.now()
        self._scaling(r_id).enforce(limits, self.clock.now())
        return target

    @_one_at_a_time
    def deregister_scalable_target(self, namespace: str, r_id: str, dimension: str) -> None:
        """Deregister a target: "deletes the scaling policies that are associated with it", and schedules."""
        super().deregister_scalable_target(namespace, r_id, dimension)
        for policy in self._policies_of(r_id):
            self.delete_scaling_policy(policy.policy_name, namespace, r_id, dimension)
        self.scheduled_actions = [action for action in self.scheduled_actions if action.resource_id != r_id]
        self._scalings.pop(r_id, None)

    @_one_at_a_time
    def put_scaling_policy(
        self,
        policy_name: str,
        service_namespace: str,
        resource_id: str,
        scalable_dimension: str,
        policy_body: dict[str, Any],
        policy_type: str | None,
    ) -> FakeApplicationAutoscalingPolicy:
        """Create or update a policy; target tracking makes its alarms."""
        self._require_target(service_namespace, resource_id, scalable_dimension)
        configuration = f"{policy_type}PolicyConfiguration"
        try:
            definition = read_scaling_policy(
                policy_name, {"PolicyType": policy_type, configuration: policy_body}, resource_id
            )
        except ValueError as error:
            raise AWSValidationException(str(error)) from error
        previous = next(
            (known for known in self._policies_of(resource_id) if known.policy_name == policy_name), None
        )
        policy = super().put_scaling_policy(
            policy_name, service_namespace, resource_id, scalable_dimension, policy_body, policy_type
        )
        policy.creation_time = self.clock.now()
        if previous is not None:
            policy.policy_arn, policy.creation_time = previous.policy_arn, previous.creation_time
            self._delete_own_alarms(previous)
        if isinstance(definition, TargetTrackingPolicy):
            policy.alarms = make_alarms(
                definition, policy.policy_arn, resource_id, self.account_id, self.region_name
            )
        self._definitions[policy.policy_arn] = definition
        return policy

    @_one_at_a_time
    def describe_scaling_policies(
        self,
        service_namespace: str,
        resource_id: str,
        scalable_dimension: str,
        max_results: int | None,
        next_token: str,
    ) -> tuple[str | None, list[FakeApplicationAutoscalingPolicy]]:
        """The policies; a step policy's alarms are the user's, whichever have it as an action."""
        token, policies = super().describe_scaling_policies(
            service_namespace, resource_id, scalable_dimension, max_results, next_token
        )
        for policy in policies:
            if policy.policy_type == "StepScaling":
                policy.alarms = [
                    alarm for alarm in self._alarms() if policy.policy_arn in alarm.alarm_actions
                ]
        return token, policies

    @_one_at_a_time
    def delete_scaling_policy(
        self, policy_name: str, service_namespace: str, resource_id: str, scalable_dimension: str
    ) -> None:
        """Delete a policy, and the alarms if it made them.

        "Deleting a step scaling policy deletes the underlying alarm action, but does not delete the
        CloudWatch alarm associated with the scaling policy" (DeleteScalingPolicy reference).
        """
        for policy in self._policies_of(resource_id):
            if policy.policy_name == policy_name:
                self._delete_own_alarms(policy)
                self._definitions.pop(policy.policy_arn, None)
        super().delete_scaling_policy(policy_name, service_namespace, resource_id, scalable_dimension)
        if resource_id in self._scalings:
            self._scalings[resource_id].states.pop(policy_name, None)

    def _delete_own_alarms(self, policy: FakeApplicationAutoscalingPolicy) -> None:
        if policy.policy_type == "TargetTrackingScaling":
            delete_alarms(policy.alarms, self.account_id, self.region_name)
        policy.alarms = []

    @_one_at_a_time
    def put_scheduled_action(
        self,
        service_namespace: str,
        schedule: str,
        timezone: str,
        scheduled_action_name: str,
        resource_id: str,
        scalable_dimension: str,
        start_time: str,
        end_time: str,
        scalable_target_action: Any,
    ) -> None:
        """Create or update a scheduled action."""
        self._require_target(service_namespace, resource_id, scalable_dimension)
        before = len(self.scheduled_actions)
        properties = {
            "ScheduledActionName": scheduled_action_name,
            "Schedule": schedule,
            "Timezone": timezone,
            "StartTime": start_time,
            "EndTime": end_time,
            "ScalableTargetAction": scalable_target_action,
        }
        try:
            read_scheduled_action(properties)
        except ValueError as error:
            raise AWSValidationException(str(error)) from error
        super().put_scheduled_action(
            service_namespace,
            schedule,
            timezone,
            scheduled_action_name,
            resource_id,
            scalable_dimension,
            start_time,
            end_time,
            scalable_target_action,
        )
        if len(self.scheduled_actions) > before:
            self.scheduled_actions[-1].creation_time = self.clock.now()

    @_one_at_a_time
    def invoke_policies(self, invocations: Sequence[PolicyInvocation], moment: float) -> None:
        """Let alarms call on policies at ``moment`` (seconds); all its calls are decided on together."""
        for target in self._flatten_scalable_targets("sagemaker"):
            policies = {
                policy.policy_arn: self._definitions[policy.policy_arn]
                for policy in self._policies_of(target.resource_id)
            }
            own = [call for call in invocations if policy_of(call) in policies]
            if own:
                self._scaling(target.resource_id).invoke(
                    policies, own, limits_of(target), suspended_of(target), moment
                )

    @_one_at_a_time
    def run_schedules(self, after: float, now: float) -> None:
        """Run the scheduled actions that fell due later than ``after`` and up to ``now``."""
        for action in list(self.scheduled_actions):
            definition = definition_of(action)
            target = self.targets.get(action.scalable_dimension, {}).get(action.resource_id)
            if target is None or suspended_of(target).get("ScheduledScalingSuspended"):
                continue
            if is_due(definition, action.creation_time, after, now):
                self._run_scheduled_action(definition, target, now)

    def _run_scheduled_action(self, action: ScheduledAction, target: FakeScalableTarget, now: float) -> None:
        try:
            limits, _ = apply_scheduled_action(action, limits_of(target), 0)
        except ValueError as error:
            self.activities.limits_refused(target.resource_id, action.name, str(error), now)
            return
        target.min_capacity, target.max_capacity = limits.minimum, limits.maximum
        self.activities.limits_changed(target.resource_id, action.name, limits.minimum, limits.maximum, now)
        self._scaling(target.resource_id).enforce(limits, now)

    @_one_at_a_time
    def watch(self, now: float) -> None:
        """Finish activities whose capacity is reached; try again for limits that could not be met."""
        for target in self._flatten_scalable_targets("sagemaker"):
            scaling = self._scaling(target.resource_id)
            scaling.watch(now)
            scaling.retry(limits_of(target), now)

    def _variant(self, resource_id: str) -> Variant:
        return Variant(self.account_id, self.region_name, resource_id)

    def _scaling(self, resource_id: str) -> TargetScaling:
        if resource_id not in self._scalings:
            self._scalings[resource_id] = TargetScaling(self._variant(resource_id), self.activities)
        return self._scalings[resource_id]

    def _policies_of(self, resource_id: str) -> list[FakeApplicationAutoscalingPolicy]:
        return [policy for policy in self.policies.values() if policy.resource_id == resource_id]

    def _alarms(self) -> list[Alarm]:
        return list(cloudwatch_backends[self.account_id][self.region_name].describe_alarms())

    def _require_target(self, namespace: str, resource_id: str, dimension: str) -> None:
        if not self._scalable_target_exists(resource_id, dimension):
            raise JsonRESTError(
                "ObjectNotFoundException",
                f"No scalable target registered for service namespace: {namespace}, "
                f"resource ID: {resource_id}, scalable dimension: {dimension}",
            )
