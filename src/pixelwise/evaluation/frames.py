"""An Evaluation as pandas' tables. pandas is imported with this file, and this file only when it is asked for."""

from typing import TYPE_CHECKING

from pixelwise.errors import UserError, unknown

try:
    import pandas  # type: ignore[import-untyped]
except ImportError as error:
    raise UserError(f"to_pandas needs pandas ({error}); run `pip install 'pixelwise[notebook]'`") from error

if TYPE_CHECKING:  # which imports this file
    from pixelwise.evaluation.evaluation import Evaluation

ROWS = ("classes", "images")


def frame_of(evaluation: "Evaluation", rows: str = "classes") -> pandas.DataFrame:
    """A row per class, the columns of `per_class`, or per image, those of `rows`; indexed by name, NaN where undefined.

    Raises UserError for other rows than "classes" and "images".
    """
    if rows not in ROWS:
        raise unknown("table of", rows, ROWS)
    if rows == "classes":
        per_class = evaluation.per_class()
        return pandas.DataFrame(list(per_class.values()), index=pandas.Index(per_class, name="class"))
    images = evaluation.rows()
    names = pandas.Index([row.pop("name") for row in images], name="name")
    return pandas.DataFrame(images, index=names)
