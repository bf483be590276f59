import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuron_build.random_weights import Weights, random_weights


def weight(name: str, *shape: int, seed: str = "s", gain: float = 1.0) -> Weights:
    return random_weights({name: shape}, seed=seed, gains={name: gain})[name]


def test_a_weight_is_sixteen_bits_of_the_hash_of_its_name() -> None:
    noise = hashlib.shake_256(b"s/proj.weight").digest(8)
    integers = [int.from_bytes(noise[i : i + 2], "little", signed=True) for i in range(0, 8, 2)]
    expected = [(integer + 0.5) / 2**15 * 3**0.5 / 2**0.5 for integer in integers]

    assert weight("proj.weight", 2, 2).ravel() == pytest.approx(expected, rel=1e-6)


@given(st.integers(1, 6), st.floats(0.5, 8))
def test_a_layer_keeps_the_size_of_what_it_reads(power: int, gain: float) -> None:
    inputs = 2**power
    weights = weight("proj.weight", 4096 // inputs, inputs, gain=gain)

    assert weights.std() * inputs**0.5 == pytest.approx(gain, rel=0.1)
    assert abs(weights.mean()) < weights.std() / 10


def test_names_and_seeds_make_other_weights() -> None:
    one = weight("a.weight", 8, 8)

    assert not np.array_equal(one, weight("b.weight", 8, 8))
    assert not np.array_equal(one, weight("a.weight", 8, 8, seed="t"))
    assert np.array_equal(one, weight("a.weight", 8, 8))


def test_biases_are_zero_and_norms_are_one() -> None:
    assert not weight("conv.bias", 8).any()
    assert (weight("norm.weight", 8) == 1).all()


def test_a_kernel_is_strongest_at_its_centre() -> None:
    kernels = np.abs(weight("conv.weight", 4, 4, 3, 3))

    assert (kernels[..., 1, 1] > kernels[..., 0, 1]).all()
    assert (kernels[..., 0, 1] > kernels[..., 0, 0]).all()


def test_balanced_weights_add_up_to_zero_over_the_inputs() -> None:
    shapes = {"conv.weight": (3, 8, 3, 3)}
    balanced = random_weights(shapes, seed="s", gains={}, balanced=["conv.weight"])["conv.weight"]

    assert np.abs(balanced.sum(axis=1)).max() < 1e-6
    assert np.abs(balanced).max() > 0.01


def test_every_weight_is_a_float_of_32_bits() -> None:
    shapes = {"a.bias": (4,), "b.weight": (4, 4), "c.weight": (4, 4, 3, 3), "d_embedding.weight": (4, 4)}

    made = random_weights(shapes, seed="s", gains={}, balanced=["b.weight"])
    assert {name: w.shape for name, w in made.items()} == shapes
    assert {w.dtype for w in made.values()} == {np.dtype(np.float32)}
