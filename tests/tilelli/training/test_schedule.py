import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilelli.config import TrainingConfig
from tilelli.training.schedule import learning_rate

plans = st.builds(
    TrainingConfig,
    steps=st.integers(1, 300),
    warmup_steps=st.integers(0, 400),
    learning_rate=st.floats(1e-6, 1),
    final_lr_ratio=st.floats(0, 1),
)


def test_a_schedule_worked_by_hand() -> None:
    plan = TrainingConfig(steps=12, warmup_steps=4, learning_rate=1.0, final_lr_ratio=0.2)
    rates = [learning_rate(step, plan) for step in (0, 1, 3, 4, 8, 12)]
    assert rates == pytest.approx([0.25, 0.5, 1.0, 1.0, 0.6, 0.2])


@given(plans)
def test_the_rate_rises_then_falls_and_stays_within_its_bounds(plan: TrainingConfig) -> None:
    rates = [learning_rate(step, plan) for step in range(plan.steps + 1)]
    warm, cold = rates[: plan.warmup_steps], rates[plan.warmup_steps :]
    assert warm == sorted(warm)
    assert cold == pytest.approx(sorted(cold, reverse=True))
    assert all(0 <= rate <= plan.learning_rate * (1 + 1e-9) for rate in rates)


@given(plans)
def test_the_rate_ends_at_its_final_share(plan: TrainingConfig) -> None:
    if plan.steps > plan.warmup_steps:
        end = learning_rate(plan.steps, plan)
        assert end == pytest.approx(plan.final_lr_ratio * plan.learning_rate)
        assert learning_rate(plan.steps + 100, plan) == pytest.approx(end)


def test_without_warm_up_the_first_step_has_the_full_rate() -> None:
    assert learning_rate(0, TrainingConfig(warmup_steps=0, learning_rate=0.5)) == 0.5
