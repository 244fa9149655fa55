"""An Evaluation, and what led to it, or a Check, as one HTML file."""

from pixelwise.report.check_report import write_check_report
from pixelwise.report.choosing import choose_examples, shown_images
from pixelwise.report.compare_page import write_comparison
from pixelwise.report.crops import Example
from pixelwise.report.report import command_line, write_painting_report, write_report
from pixelwise.report.words import summarize

__all__ = [
    "Example",
    "choose_examples",
    "command_line",
    "shown_images",
    "summarize",
    "write_check_report",
    "write_comparison",
    "write_painting_report",
    "write_report",
]
