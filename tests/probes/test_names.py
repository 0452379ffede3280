import pytest

from probes.names import spoken


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("blocks.0.dense.up.weight", "block 1 dense.up"),
        ("blocks.11.local.bias", "block 12 local.bias"),
        ("embedding.weight", "embedding"),
        ("norm.bias", "norm.bias"),
    ],
)
def test_blocks_are_counted_from_one_in_sentences(name: str, shown: str) -> None:
    assert spoken(name) == shown
