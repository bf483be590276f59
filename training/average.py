"""The running mean of a model's weights: it draws better than the last step's weights do."""

from typing import Any

import torch


class Average:
    """Exponential moving average of parameters, one tensor a parameter."""

    def __init__(self, modules: dict[str, torch.nn.Module], decay: float) -> None:
        self._modules = modules
        self._decay = decay
        self._weights = {
            name: {key: value.detach().clone() for key, value in module.state_dict().items()}
            for name, module in modules.items()
        }

    def update(self, step: int) -> None:
        """Take in the weights after a step; early on the mean is short, so that it forgets the start."""
        decay = min(self._decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, module in self._modules.items():
                for key, value in module.state_dict().items():
                    mean = self._weights[name][key]
                    if mean.is_floating_point():
                        mean.lerp_(value, 1 - decay)

    def weights(self, name: str) -> dict[str, torch.Tensor]:
        """The mean weights of one module, a state dict."""
        return self._weights[name]

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return self._weights

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        self._weights = state
