"""Application Auto Scaling for one target: alarms evaluated, policies invoked, decisions carried out.

The order of things at one moment is the local AWS's: alarms and the policies they invoke, then the
watch over scalings under way, then scheduled actions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from darkroom.autoscaling.alarms import AlarmState, evaluate_alarm
from darkroom.autoscaling.capacity import Breach, Proposal, apply_scheduled_action, decide, propose
from darkroom.autoscaling.cooldowns import PolicyState, Scaling, begin, complete
from darkroom.autoscaling.metric_query import MetricStat, evaluate_query, returned_query
from darkroom.autoscaling.policies import MetricAlarm, ScalingPolicy, ScheduledAction, TargetTrackingPolicy
from darkroom.autoscaling.schedule import next_occurrence
from darkroom.autoscaling.series import TimeSeries
from darkroom.autoscaling.target_tracking import high_alarm, low_alarm
from darkroom.autoscaling.template import PolicyResource, ScalableTargetResource
from darkroom.planner.fleet import Fleet
from darkroom.planner.metric_feed import MINUTE, MetricFeed, check_metric


@dataclass(frozen=True)
class Decision:
    """A change of the desired capacity.

    Attributes:
        moment: seconds of the simulation.
        cause: the policy or the scheduled action.
    """

    moment: float
    capacity: int
    cause: str


@dataclass
class _WatchedAlarm:
    """An alarm on a policy, and the state it is in."""

    alarm: MetricAlarm
    policy: ScalingPolicy
    scales_in: bool = False
    state: AlarmState = "INSUFFICIENT_DATA"


@dataclass
class _DueAction:
    """A scheduled action and when it runs next, in seconds of the simulation; None for never again."""

    action: ScheduledAction
    due: float | None


@dataclass
class Scaler:
    """Decides how many instances ``fleet`` has.

    Attributes:
        start: the date and time at which the simulation's seconds begin, for the schedule.
    """

    target: ScalableTargetResource
    fleet: Fleet
    feed: MetricFeed
    start: datetime
    decisions: list[Decision] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.limits = self.target.limits
        self.policies = [resource.policy for resource in self.target.policies]
        self._alarms = [alarm for resource in self.target.policies for alarm in _alarms_of(resource)]
        self._states: dict[str, PolicyState] = {}
        self._changed: float | None = None
        self._actions = [
            _DueAction(action, self._next_run(action, 0.0)) for action in self.target.scheduled_actions
        ]
        for watched in self._alarms:
            for query in watched.alarm.queries:
                if query.stat is not None:
                    check_metric(query.stat)

    def act(self, now: float) -> None:
        """Do what is due at ``now``, a multiple of ten seconds."""
        self._invoke([call for watched in self._alarms for call in self._evaluate(watched, now)], now)
        # No change is done the moment it is asked for: it is seen at the next look, as in the local AWS.
        if self._changed is not None and self._changed < now and self.fleet.is_settled(now):
            self._states = complete(self._states, now)
            self._changed = None
        if now % MINUTE == 0:
            self._run_schedule(now)

    def _evaluate(self, watched: _WatchedAlarm, now: float) -> Iterator[tuple[ScalingPolicy, Breach]]:
        """Bring an alarm's state up to date; give its call on its policy if it makes one.

        "The alarm continues to invoke the action once per minute that the alarm remains in the new
        state"; without a datapoint there is nothing to scale by.
        """
        rule = watched.alarm.rule
        if now % rule.evaluation_interval:
            return
        values = self._datapoints(watched.alarm, now).values
        before, watched.state = watched.state, evaluate_alarm(rule, values, watched.state)
        latest = next((value for value in reversed(values) if value is not None), None)
        repeats = watched.state != before or now % MINUTE == 0
        if watched.state == "ALARM" and repeats and latest is not None:
            yield watched.policy, Breach(latest, rule.threshold, watched.scales_in)

    def _datapoints(self, alarm: MetricAlarm, now: float) -> TimeSeries:
        starts = alarm.rule.window_starts(now)

        def fetch(stat: MetricStat) -> TimeSeries:
            return self.feed.series(stat, starts[0], len(starts), now)

        return evaluate_query(returned_query(alarm.queries).id, alarm.queries, fetch)

    def _invoke(self, calls: list[tuple[ScalingPolicy, Breach]], now: float) -> None:
        capacity = self.fleet.desired
        proposals = [
            proposal
            for policy, breach in calls
            if (proposal := self._propose(policy, breach, capacity, now)) is not None
        ]
        chosen = decide(self.policies, proposals, self.limits, capacity) if proposals else None
        if chosen is not None:
            self._set(chosen.capacity, chosen.policy, now)
            self._states = begin(self._states, chosen.policy, Scaling(chosen.base, chosen.capacity), capacity)

    def _propose(self, policy: ScalingPolicy, breach: Breach, capacity: int, now: float) -> Proposal | None:
        return propose(policy, self._states.get(policy.name, PolicyState()), breach, capacity, now)

    def _set(self, capacity: int, cause: str, now: float) -> None:
        self.fleet.set_desired(capacity, now)
        self.decisions.append(Decision(now, capacity, cause))
        self._changed = now

    def _run_schedule(self, now: float) -> None:
        for entry in self._actions:
            if entry.due is None or entry.due > now:
                continue
            entry.due = self._next_run(entry.action, now)
            try:
                self.limits, capacity = apply_scheduled_action(entry.action, self.limits, self.fleet.desired)
            except ValueError:
                continue  # AWS refuses limits that contradict those in force, and leaves them
            if capacity != self.fleet.desired:
                self._set(capacity, entry.action.name, now)

    def _next_run(self, action: ScheduledAction, after: float) -> float | None:
        origin = self.start.timestamp()
        moment = datetime.fromtimestamp(origin + after, UTC)
        if action.start is not None and action.start > moment:
            moment = action.start
        found = next_occurrence(action.schedule, moment, action.time_zone, start=action.start or self.start)
        if found is None or (action.end is not None and found > action.end):
            return None
        return found.timestamp() - origin


def _alarms_of(resource: PolicyResource) -> Iterator[_WatchedAlarm]:
    """The alarms that invoke a policy: a step policy's own, target tracking's pair."""
    policy = resource.policy
    if isinstance(policy, TargetTrackingPolicy):
        high = MetricAlarm(f"{policy.name}-high", high_alarm(policy), policy.queries)
        low = MetricAlarm(f"{policy.name}-low", low_alarm(policy), policy.queries)
        yield _WatchedAlarm(high, policy)
        yield _WatchedAlarm(low, policy, scales_in=True)
        return
    for alarm in resource.alarms:
        yield _WatchedAlarm(alarm, policy)
