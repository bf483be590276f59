"""Traffic files: what they mean, and a clear error with the line for whatever is wrong."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from darkroom.planner.problem import PlanError
from darkroom.planner.profile import read_profile
from darkroom.planner.trace import read_trace
from darkroom.planner.traffic_source import A_MONDAY, TrafficSource


def write(folder: Path, text: str | bytes, name: str = "traffic.csv") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_a_timestamp_a_row_is_a_request_a_row(tmp_path: Path) -> None:
    file = write(tmp_path, "TIMESTAMP\n2023-11-16 18:15:46.6805900\n2023-11-16 18:15:50.9951690\n")
    traffic = TrafficSource(file).load()
    assert traffic.start == datetime(2023, 11, 16, 18, 15, tzinfo=UTC)
    assert traffic.arrivals.tolist() == pytest.approx([46.68059, 50.995169], abs=1e-4)


def test_a_count_a_row_is_so_many_requests_in_each_interval(tmp_path: Path) -> None:
    traffic = TrafficSource(write(tmp_path, "3\n0\n2\n"), interval=60).load()
    assert traffic.start == A_MONDAY
    assert traffic.seconds == 180
    assert np.histogram(traffic.arrivals, [0, 60, 120, 180])[0].tolist() == [3, 0, 2]


def test_counts_may_have_their_timestamps(tmp_path: Path) -> None:
    text = "requests,time\n4,2026-11-16T08:00:00Z\n1,2026-11-16T08:05:00Z\n"
    traffic = TrafficSource(write(tmp_path, text)).load()
    assert traffic.start == datetime(2026, 11, 16, 8, tzinfo=UTC)
    assert np.histogram(traffic.arrivals, [0, 300, 600])[0].tolist() == [4, 1]


def test_a_scaled_trace_has_so_many_times_the_requests_at_the_same_times(tmp_path: Path) -> None:
    rows = "".join(f"2026-11-16 08:00:{second:02d}\n" for second in range(0, 60, 2))
    traffic = TrafficSource(write(tmp_path, rows), scale=100).load()
    assert len(traffic) == pytest.approx(3000, rel=0.1)
    assert set((traffic.arrivals.astype(int) % 2).tolist()) == {0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no requests"),
        ("timestamp\n", "has no requests"),
        ("2026-11-16 08:00:05\n2026-11-16 08:00:04\n", "line 2: 2026-11-16 08:00:04 is earlier"),
        ("prompt,seed\na,1\n", "line 1: the columns are 'prompt', 'seed'"),
        ("count\n1\n-2\n", "line 3: the count -2 is negative"),
        ("-2\n", "line 1: the count -2 is negative"),
        ("1\n2.5\n", "line 2: '2.5' is no count"),
        ("2026-11-16 08:00:05\nyesterday\n", "line 2: 'yesterday' is no timestamp"),
        (
            "2026-11-16T08:00:05+02:00\n",
            "line 1: 2026-11-16T08:00:05+02:00 is not in UTC: write 2026-11-16T06",
        ),
        (
            "2026-11-16T08:00:05Z\n2026-11-16T09:00:05+01:00\n",
            "line 2: 2026-11-16T09:00:05+01:00 is not in UTC",
        ),
        ("timestamp,count\n2026-11-16 08:00:00,1\n5\n", "line 3 has 1 columns where the first line has 2"),
        (b"2026-11-16 08:00:05\n\xff\xfe\x00\n", "line 2 is no UTF-8 text"),
        (
            "count,time\n1,2026-11-16 08:00\n1,2026-11-16 08:01\n1,2026-11-16 08:05\n",
            "60 s apart at first and 240",
        ),
    ],
)
def test_a_bad_trace_is_refused_with_its_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(PlanError) as refused:
        read_trace(write(tmp_path, text))
    assert said in str(refused.value)


def test_a_gigabyte_of_garbage_is_refused_at_its_first_line_and_not_read(tmp_path: Path) -> None:
    file = tmp_path / "garbage.csv"
    with file.open("wb") as stream:
        stream.write(b"x" * 1_000_000)
        stream.truncate(1_000_000_000)  # sparse: the rest is zeros
    begin = time.thread_time()
    with pytest.raises(PlanError, match="line 1 is longer than 200 bytes"):
        read_trace(file)
    assert time.thread_time() - begin < 1


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="No such file"):
        read_trace(tmp_path / "none.csv")


PROFILE = """
start: 2026-11-16T00:00:00
time_zone: Europe/Amsterdam
duration: 2h
requests_per_second: 1
daily_curve: [2, 2]
ramps: [{at: "01:00", rise: 10m, hold: 10m, fall: 10m, requests_per_second: 50}]
spikes: [{at: "00:30", duration: 1m, requests_per_second: 100}]
"""


def test_a_profile_adds_up_its_base_curve_ramps_and_spikes(tmp_path: Path) -> None:
    profile = read_profile(write(tmp_path, PROFILE, "day.yaml"))
    rates = profile.rates()
    assert profile.begin == datetime(2026, 11, 15, 23, tzinfo=UTC)
    assert [rates[minute * 60] for minute in (0, 30, 31, 65, 75, 85, 95)] == pytest.approx(
        [2, 102, 2, 27, 52, 27, 2]
    )


def test_a_profiles_requests_are_as_many_as_its_rates_say(tmp_path: Path) -> None:
    file = write(tmp_path, PROFILE, "day.yaml")
    expected = read_profile(file).rates().sum()
    first, again, other = (TrafficSource(file).load(seed) for seed in (1, 1, 2))
    assert len(first) == pytest.approx(expected, rel=0.03)
    assert first.arrivals.tolist() == again.arrivals.tolist() != other.arrivals.tolist()


def test_bursts_keep_the_mean_and_raise_the_variance(tmp_path: Path) -> None:
    text = "duration: 10h\nrequests_per_second: 50\nbursts: {variation: 0.5, interval: 10s}\n"
    arrivals = TrafficSource(write(tmp_path, text, "bursty.yaml")).load().arrivals
    counts = np.bincount((arrivals / 10).astype(int), minlength=3600)
    assert counts.mean() == pytest.approx(500, rel=0.05)
    # Poisson noise of 500 and modulation of (0.5 x 500) squared.
    assert counts.var() == pytest.approx(500 + 250**2, rel=0.15)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("requests: 5\n", "requests: Extra inputs are not permitted"),
        ("requests_per_second: -1\n", "requests_per_second"),
        ("requests_per_second: 0\n", "nobody ever asks"),
        ("requests_per_second: 1\nduration: 90\n", "duration: a duration is a whole number and a unit"),
        ("requests_per_second: 1\ntime_zone: Mars/Olympus\n", "time_zone: an IANA time zone"),
        ("spikes: [{at: '14', duration: 1m, requests_per_second: 5}]\n", "spikes.0.at: hours and minutes"),
        ("spikes: [\n", "line 2"),
        ("- 1\n", "a profile has keys"),
    ],
)
def test_a_bad_profile_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(PlanError) as refused:
        read_profile(write(tmp_path, text, "bad.yaml"))
    assert said in str(refused.value)


def test_a_scale_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "requests_per_second: 300\n", "day.yaml")
    for scale, said in ((0, "must be above 0"), (float("nan"), "must be above 0"), (1e6, "lower the scale")):
        with pytest.raises(PlanError, match=said):
            TrafficSource(file, scale=scale).load()
