"""An Evaluation, and what led to it, as one HTML file."""

from pixelwise.report.report import Example, choose_examples, summarize, write_report

__all__ = ["Example", "choose_examples", "summarize", "write_report"]
