"""What is wrong with a dataset, found before anything is trained on it."""

from pixelwise.checking.check import Check, check
from pixelwise.checking.freezing import freeze
from pixelwise.checking.survey import Facts

__all__ = ["Check", "Facts", "check", "freeze"]
