"""Figures with their uncertainty: pure functions of (confidence, correct, ...) that know nothing of models.

Each gives a frozen result with `value`, `low`, `high` and `n`; `value` is None where the figure is undefined. Intervals
are 95 %, from rows drawn again with a fixed seed unless it is said otherwise. Where more is known than that, the plain
`Measured` is its `figure`.

    ranking         auroc, auroc_difference, aurocs (many scores, same draws), delong, delong_difference, matched_auroc
    selective       risk_coverage, augrc, aurc, eaurc; risk_at_coverage, coverage_at_risk (chosen here, read there)
    calibration     ece, reliability, brier, log_loss, brier_split; temperature, platt, isotonic, recalibrated
    forced choice   type_two: d', meta-d', M-ratio
    shares          wilson, share_difference; ratio, ratio_difference
    many tests      holm, benjamini_hochberg
"""

from probes.metrics.calibration import BINS, CalibrationError, Reliability, ece, reliability
from probes.metrics.draws import DRAWS, FEWEST, tail
from probes.metrics.figure import POWER, Measured, Spread, Tested, Z, spread
from probes.metrics.matching import Matched, matched_auroc
from probes.metrics.multiplicity import benjamini_hochberg, holm
from probes.metrics.placements import delong, delong_difference
from probes.metrics.ranking import Ranking, auroc, auroc_difference, aurocs
from probes.metrics.recalibration import Isotonic, Platt, Temperature, isotonic, platt, recalibrated, temperature
from probes.metrics.scores import BrierSplit, brier, brier_split, log_loss
from probes.metrics.selective import RiskCoverage, augrc, aurc, eaurc, risk_coverage
from probes.metrics.shares import ratio, ratio_difference, share_difference, wilson
from probes.metrics.threshold import Operating, coverage_at_risk, operate, risk_at_coverage
from probes.metrics.type2 import TypeTwo, type_two

__all__ = [
    "BINS",
    "DRAWS",
    "FEWEST",
    "POWER",
    "BrierSplit",
    "CalibrationError",
    "Isotonic",
    "Matched",
    "Measured",
    "Operating",
    "Platt",
    "Ranking",
    "Reliability",
    "RiskCoverage",
    "Spread",
    "Temperature",
    "Tested",
    "TypeTwo",
    "Z",
    "augrc",
    "aurc",
    "auroc",
    "auroc_difference",
    "aurocs",
    "benjamini_hochberg",
    "brier",
    "brier_split",
    "coverage_at_risk",
    "delong",
    "delong_difference",
    "eaurc",
    "ece",
    "holm",
    "isotonic",
    "log_loss",
    "matched_auroc",
    "operate",
    "platt",
    "ratio",
    "ratio_difference",
    "recalibrated",
    "reliability",
    "risk_at_coverage",
    "risk_coverage",
    "share_difference",
    "spread",
    "tail",
    "temperature",
    "type_two",
    "wilson",
]
