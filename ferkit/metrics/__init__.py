"""Scores that scikit-learn does not have, and reports of them."""

from ._calibration import expected_calibration_error
from ._report import FERReport, fer_report

__all__ = ["FERReport", "expected_calibration_error", "fer_report"]
