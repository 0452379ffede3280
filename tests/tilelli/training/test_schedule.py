import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilelli.config import TrainingConfig
from tilelli.training.schedule import factor

plans = st.builds(
    TrainingConfig,
    steps=st.integers(1, 300),
    warmup_steps=st.integers(0, 400),
    final_lr_ratio=st.floats(0, 1),
)


def test_a_schedule_worked_by_hand() -> None:
    plan = TrainingConfig(steps=12, warmup_steps=4, final_lr_ratio=0.2)
    rates = [factor(step, plan) for step in (0, 1, 3, 4, 8, 12)]
    assert rates == pytest.approx([0.25, 0.5, 1.0, 1.0, 0.6, 0.2])


@given(plans)
def test_the_rate_rises_then_falls_and_stays_within_its_bounds(plan: TrainingConfig) -> None:
    rates = [factor(step, plan) for step in range(plan.steps + 1)]
    warm, cold = rates[: plan.warmup_steps], rates[plan.warmup_steps :]
    assert warm == sorted(warm)
    assert cold == pytest.approx(sorted(cold, reverse=True))
    assert all(0 <= rate <= 1 + 1e-9 for rate in rates)


@given(plans)
def test_the_rate_ends_at_its_final_share(plan: TrainingConfig) -> None:
    if plan.steps > plan.warmup_steps:
        end = factor(plan.steps, plan)
        assert end == pytest.approx(plan.final_lr_ratio)
        assert factor(plan.steps + 100, plan) == pytest.approx(end)


def test_without_warm_up_the_first_step_has_the_full_rate() -> None:
    assert factor(0, TrainingConfig(warmup_steps=0)) == 1
