"""The optimiser is torch's to the bit, and training loads no compiler."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from tune.training.adamw import AdamW

LOADED = """
import sys
import torch
from tune.training.adamw import AdamW
model = torch.nn.Linear(2, 2)
optimizer = AdamW(model.parameters(), fused=True)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=3)
model(torch.ones(1, 2)).sum().backward()
optimizer.step()
schedule.step()
optimizer.zero_grad()
optimizer.load_state_dict(optimizer.state_dict())
print("torch._dynamo" in sys.modules)
"""


@pytest.mark.parametrize("fused", [True, False])
def test_steps_are_torchs(fused: bool) -> None:
    networks = []
    for kind in (torch.optim.AdamW, AdamW):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        optimizer = kind([{"params": list(model.parameters()), "weight_decay": 0.1}], lr=0.05, fused=fused)
        for _ in range(5):
            optimizer.zero_grad()
            model(torch.ones(2, 3)).square().sum().backward()
            optimizer.step()
            optimizer.load_state_dict(optimizer.state_dict())
        networks.append(model)
    for one, other in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.equal(one, other)


def test_training_does_not_load_the_compiler() -> None:
    finished = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "False"
