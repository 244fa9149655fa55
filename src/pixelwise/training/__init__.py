"""Recipe, plan, the loop, and runs that go on where they stopped."""

from pixelwise.stopping import Interrupted
from pixelwise.training.plan import Plan, plan
from pixelwise.training.recipe import Recipe
from pixelwise.training.recipe_file import load_recipe, save_recipe
from pixelwise.training.request import Request, network_asked
from pixelwise.training.run import Run, read_history, resume_run, start_run

__all__ = [
    "Interrupted",
    "Plan",
    "Recipe",
    "Request",
    "Run",
    "load_recipe",
    "network_asked",
    "plan",
    "read_history",
    "resume_run",
    "save_recipe",
    "start_run",
]
