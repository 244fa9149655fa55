"""Recipe, plan, the loop, and runs that go on where they stopped."""

from pixelwise.training.plan import Request, plan
from pixelwise.training.recipe import Recipe, load_recipe
from pixelwise.training.run import Interrupted, Run, read_history, resume_run, start_run

__all__ = [
    "Interrupted",
    "Recipe",
    "Request",
    "Run",
    "load_recipe",
    "plan",
    "read_history",
    "resume_run",
    "start_run",
]
