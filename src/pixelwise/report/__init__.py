"""An Evaluation, and what led to it, or a Check, as one HTML file."""

from pixelwise.report.check_report import write_check_report
from pixelwise.report.report import (
    Example,
    choose_examples,
    command_line,
    summarize,
    write_painting_report,
    write_report,
)

__all__ = [
    "Example",
    "choose_examples",
    "command_line",
    "summarize",
    "write_check_report",
    "write_painting_report",
    "write_report",
]
