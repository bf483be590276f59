"""Weights out of nothing but their names: the same bits on every machine and with every library.

A pseudo-random generator of a library may change with its version or with the processor's vector
instructions. Here a weight is 16 bits of SHAKE-256, the hash of its tensor's name, and exact
arithmetic: a bundle's digest changes only when somebody changes the model.
"""

import hashlib
import math
from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float32]

# A 3x3 kernel of independent random weights draws noise; one with weight at its centre draws shapes.
_WINDOW: Weights = np.outer([1, 3, 1], [1, 3, 1]).astype(np.float32) / np.float32(25)
# SiLU takes the standard deviation to about 0.6: this keeps the signal's size from layer to layer.
_CONVOLUTION_GAIN = 1.6


def random_weights(
    shapes: Mapping[str, tuple[int, ...]],
    *,
    seed: str,
    gains: Mapping[str, float],
    balanced: Collection[str] = (),
) -> dict[str, Weights]:
    """One float32 array a parameter.

    Biases are 0 and norms 1. Other weights are uniform around 0 with variance gain squared over the
    number of inputs, which keeps activations at the size of their inputs (LeCun et al., Efficient
    BackProp, 1998, section 4.6). Embeddings have variance gain squared.

    Args:
        shapes: the parameters' shapes by their names in the state dict.
        seed: another seed makes another model.
        gains: gain of the parameters whose name holds the key; 1 without.
        balanced: parameters whose weights add up to 0 over the inputs: what all inputs share is dropped.
    """
    weights = {name: _weight(name, shape, seed, _gain(name, gains)) for name, shape in shapes.items()}
    for name in balanced:
        weights[name] -= weights[name].mean(axis=1, keepdims=True, dtype=np.float64)
    return weights


def _weight(name: str, shape: tuple[int, ...], seed: str, gain: float) -> Weights:
    if name.endswith("bias"):
        return np.zeros(shape, np.float32)
    if len(shape) == 1:
        return np.ones(shape, np.float32)
    if "embedding.weight" in name:
        return _uniform(f"{seed}/{name}", shape) * np.float32(gain)
    scale = gain / math.sqrt(shape[1])
    if shape[2:] == (3, 3):
        channels = _uniform(f"{seed}/{name}", (*shape[:2], 1, 1)) * np.float32(scale * _CONVOLUTION_GAIN)
        return channels * _WINDOW
    return _uniform(f"{seed}/{name}", shape) * np.float32(scale)


def _uniform(label: str, shape: tuple[int, ...]) -> Weights:
    """Uniform with mean 0 and variance 1, so between -sqrt(3) and sqrt(3)."""
    noise = hashlib.shake_256(label.encode()).digest(2 * math.prod(shape))
    integers = np.frombuffer(noise, "<i2").astype(np.float32).reshape(shape)
    return (integers + np.float32(0.5)) / np.float32(2**15) * np.float32(math.sqrt(3))


def _gain(name: str, gains: Mapping[str, float]) -> float:
    return next((gain for pattern, gain in gains.items() if pattern in name), 1.0)
