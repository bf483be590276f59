import pytest
from serving.pinning import PinningError, check_pinning


@pytest.mark.parametrize(
    ("cores", "environment"),
    [
        (2, {"NEURON_RT_NUM_CORES": "2"}),
        (1, {"NEURON_RT_NUM_CORES": "1"}),
        (2, {"NEURON_RT_VISIBLE_CORES": "0-1"}),
        (2, {"NEURON_RT_VISIBLE_CORES": "22-23"}),
        (1, {"NEURON_RT_VISIBLE_CORES": "5"}),
        (3, {"NEURON_RT_VISIBLE_CORES": "0,2-3"}),
        # The runtime prefers the cores by number.
        (2, {"NEURON_RT_VISIBLE_CORES": "2-3", "NEURON_RT_NUM_CORES": "1"}),
    ],
)
def test_a_worker_with_its_own_cores_is_let_through(cores: int, environment: dict[str, str]) -> None:
    check_pinning(cores, environment)


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({}, "a worker must be pinned to its 2 NeuronCore"),
        ({"NEURON_RT_NUM_CORES": " "}, "a worker must be pinned to its 2 NeuronCore"),
        ({"NEURON_RT_NUM_CORES": "1"}, "NEURON_RT_NUM_CORES='1' gives it 1"),
        # What the runtime takes for: all of them.
        ({"NEURON_RT_NUM_CORES": "0"}, "gives it 0"),
        ({"NEURON_RT_NUM_CORES": "two"}, "'two' is no such number"),
        ({"NEURON_RT_VISIBLE_CORES": "0-23", "NEURON_RT_NUM_CORES": "2"}, "gives it 24"),
        ({"NEURON_RT_VISIBLE_CORES": "0-"}, "'0-' is no such number"),
    ],
)
def test_a_worker_with_other_cores_is_refused_with_what_to_set(
    environment: dict[str, str], reason: str
) -> None:
    with pytest.raises(PinningError) as refused:
        check_pinning(2, environment)

    assert reason in str(refused.value)
    assert "set NEURON_RT_NUM_CORES=2 in the container's environment" in str(refused.value)
