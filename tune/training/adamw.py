"""torch's AdamW, without the second and a half that its methods take to load torch.compile before the first step."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch.optim import Adam, Optimizer
from torch.optim import AdamW as TorchAdamW


def _plain(method: Any) -> Any:
    """A method without the decorators that import torch._dynamo, only to tell it to leave the optimiser alone.

    Nothing is compiled here: on networks of this size compiling costs more than a whole trial.
    """
    return inspect.unwrap(method)


class AdamW(TorchAdamW):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2); the arithmetic is torch's own."""

    add_param_group = _plain(Optimizer.add_param_group)
    zero_grad = _plain(Optimizer.zero_grad)
    state_dict = _plain(Optimizer.state_dict)
    load_state_dict = _plain(Optimizer.load_state_dict)
    step = torch.no_grad()(_plain(Adam.step))
