"""Schedules are torch's, but for having no state."""

import math
import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from ferkit.training.schedules import Schedule, best_epoch

STEPS = 20  # an epoch


def ours(schedule, progress, max_epochs=15, warmup_epochs=0, losses=()):
    return Schedule(schedule, max_epochs, warmup_epochs).factor(progress, losses)


def theirs(scheduler, n_steps, **kwargs):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    scheduler = scheduler(optimizer, **kwargs)
    lrs = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the optimizer makes no steps
        for _ in range(n_steps):
            lrs.append(optimizer.param_groups[0]["lr"])
            scheduler.step()
    return lrs


@pytest.mark.parametrize("max_epochs", [1, 2, 15])
def test_cosine(max_epochs):
    n_steps = max_epochs * STEPS
    expected = theirs(lr_scheduler.CosineAnnealingLR, n_steps, T_max=n_steps)
    factors = [ours("cosine", step / STEPS, max_epochs) for step in range(n_steps)]
    assert factors == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("warmup_epochs", "share"), [(0, 0.3), (3, 0.2), (0.75, 0.05)])
def test_onecycle(warmup_epochs, share):
    # torch counts its phases to the last step, so one step more
    n_steps = 15 * STEPS + 1
    expected = theirs(
        lr_scheduler.OneCycleLR,
        n_steps,
        max_lr=1.0,
        total_steps=n_steps,
        pct_start=(share * (n_steps - 1) + 1) / n_steps,
        cycle_momentum=False,
    )
    factors = [ours("onecycle", step / STEPS, 15, warmup_epochs) for step in range(n_steps)]
    assert factors == pytest.approx(expected, abs=1e-12)


@given(losses=st.lists(st.floats(0.01, 3) | st.sampled_from([1.0, 1.00001]), max_size=40))
def test_plateau(losses):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=3, min_lr=0, eps=0)
    for epoch, loss in enumerate(losses):
        assert ours("plateau", epoch, losses=losses[:epoch]) == scheduler.get_last_lr()[0]
        scheduler.step(loss)


@pytest.mark.parametrize("schedule", [None, "cosine", "plateau"])
def test_warm_up_rises_to_one(schedule):
    factors = [ours(schedule, progress, warmup_epochs=4) for progress in (0, 1, 2, 4)]
    assert factors == [0, 0.25, 0.5, 1]


@given(
    schedule=st.sampled_from([None, "cosine", "onecycle", "plateau"]),
    progress=st.floats(0, 99),
    warmup_epochs=st.floats(0, 14.9),
    losses=st.lists(st.floats(0, 9)),
)
def test_factors_are_shares(schedule, progress, warmup_epochs, losses):
    assert 0 <= ours(schedule, progress, 15, warmup_epochs, losses) <= 1


def test_no_schedule_changes_nothing():
    assert {ours(None, progress) for progress in (0, 0.5, 3, 99)} == {1.0}


@given(losses=st.lists(st.floats(-9, 9), min_size=1, max_size=30), tol=st.floats(0, 2))
def test_best_epoch(losses, tol):
    best = best_epoch(losses, tol)
    assert best_epoch(losses, 0) == losses.index(min(losses)) + 1
    # nothing later is better by more than tol, and it was better than all that was best before
    assert min(losses[best - 1 :]) >= losses[best - 1] - tol
    assert losses[best - 1] <= min(losses[:best])
    assert best_epoch(losses, math.inf) == 1
