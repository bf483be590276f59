"""Traffic that is described: a base, a daily curve, ramps and spikes, in a YAML file."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import numpy as np
import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from darkroom.campaign.fields import DURATION, SECONDS_IN
from darkroom.planner.arrival_process import Burstiness
from darkroom.planner.popularity import Popularity
from darkroom.planner.problem import PlanError
from darkroom.planner.queue_kernel import FloatArray

DAY = 86400
STEP = 1.0
"""Seconds for which a profile's rate is constant."""

_CLOCK = re.compile(r"([0-9]{1,3}):([0-5][0-9])")
_LONGEST = 31 * DAY


def _seconds(value: object) -> object:
    match = DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a duration is a whole number and a unit, s, m, h or d, such as 10m")
    return int(match[1]) * SECONDS_IN[match[2]]


def _clock(value: object) -> object:
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(
            "hours and minutes from the start, in quotes, such as '14:30' (or '38:00' on day two)"
        )
    return int(match[1]) * 3600 + int(match[2]) * 60


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, KeyError):
        raise ValueError("an IANA time zone, such as Europe/Amsterdam") from None
    return value


Seconds = Annotated[int, BeforeValidator(_seconds)]
Clock = Annotated[int, BeforeValidator(_clock)]
Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Spike(_Section):
    """So many requests a second more, at once, and for so long."""

    at: Clock
    duration: Seconds
    requests_per_second: Rate


class Ramp(_Section):
    """More requests that come up, stay and go: ``rise``, ``hold``, ``fall``."""

    at: Clock
    rise: Seconds
    hold: Seconds = 0
    fall: Seconds = 0
    requests_per_second: Rate


class Bursts(_Section):
    """How much more than a Poisson process the rate goes up and down by chance."""

    variation: float = Field(ge=0, default=0.0)
    interval: Seconds = 10


class Prompts(_Section):
    """See :class:`~darkroom.planner.popularity.Popularity`."""

    distinct: int = Field(ge=1, default=10_000)
    exponent: float = Field(ge=0, default=1.0)
    unique_share: float = Field(ge=0, le=1, default=0.3)


class Profile(_Section):
    """A traffic profile: everything adds up to one rate a second."""

    start: datetime = datetime(2026, 11, 16)  # noqa: DTZ001  read in time_zone; a Monday
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    duration: Seconds = DAY
    requests_per_second: Rate = 0.0
    daily_curve: tuple[Rate, ...] = ()
    """What the base is multiplied by at equal distances over each day, straight lines between."""
    spikes: tuple[Spike, ...] = ()
    ramps: tuple[Ramp, ...] = ()
    bursts: Bursts = Bursts()
    prompts: Prompts = Prompts()

    @property
    def begin(self) -> datetime:
        """The start in UTC."""
        local = self.start if self.start.tzinfo else self.start.replace(tzinfo=ZoneInfo(self.time_zone))
        return local.astimezone(UTC).replace(second=0, microsecond=0)

    @property
    def burstiness(self) -> Burstiness:
        """The noise on the rates."""
        return Burstiness(self.bursts.variation, float(self.bursts.interval))

    @property
    def popularity(self) -> Popularity:
        """Which prompts are asked for."""
        return Popularity(self.prompts.distinct, self.prompts.exponent, self.prompts.unique_share)

    def rates(self) -> FloatArray:
        """Requests a second, for each second."""
        seconds = np.arange(self.duration, dtype=np.float64)
        rates = np.full(self.duration, self.requests_per_second)
        if self.daily_curve:
            curve = [*self.daily_curve, self.daily_curve[0]]
            rates *= np.interp(seconds % DAY, np.linspace(0, DAY, len(curve)), curve)
        for spike in self.spikes:
            rates[spike.at : spike.at + spike.duration] += spike.requests_per_second
        for ramp in self.ramps:
            corners = np.cumsum([ramp.at, ramp.rise, ramp.hold, ramp.fall])
            rates += ramp.requests_per_second * np.interp(seconds, corners, [0, 1, 1, 0], left=0, right=0)
        return rates


def read_profile(file: Path) -> Profile:
    """Read a profile.

    Raises:
        PlanError: every problem of the file, with its place.
    """
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise PlanError(f"{file}, line {line}: {error.problem}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PlanError(f"{file}: {error}") from None
    if not isinstance(content, dict):
        raise PlanError(f"{file}: a profile has keys such as requests_per_second, daily_curve, spikes, ramps")
    try:
        profile = Profile.model_validate(content)
    except ValidationError as error:
        problems = [
            f"{file}: {'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')} "
            f"(it is {one['input']!r})"
            for one in error.errors()
        ]
        raise PlanError("\n".join(problems)) from None
    if not 0 < profile.duration <= _LONGEST:
        raise PlanError(f"{file}: duration: from a second to {_LONGEST // DAY}d")
    if not profile.rates().any():
        raise PlanError(f"{file}: nobody ever asks: give requests_per_second, spikes or ramps above 0")
    return profile
