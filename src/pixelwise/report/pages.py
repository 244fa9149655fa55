"""From a template to one HTML file that needs nothing else, not even a network."""

import math
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

from pixelwise.files import replacing


def write_page(path: Path, template: str, *, folder: Path | None = None, **values: object) -> None:
    """Writes a page whole or not at all; what is put into the template is escaped.

    template: a file beside this one, or in ``folder``. Names that are no proper text, as Linux allows them for files,
    are written with backslashes. Raises UserError where the file cannot be written.
    """
    environment = Environment(
        loader=ChoiceLoader([*([FileSystemLoader(folder)] if folder else []), PackageLoader("pixelwise.report", ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    environment.globals["zip"] = zip
    page = environment.get_template(template).render(**values)
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="backslashreplace")


def percent(value: float, decimals: int = 1, unit: str = "\u00a0%") -> str:
    """A share in [0, 1] as per cent; a dash where it is NaN.

    >>> percent(0.25, unit=" %"), percent(float("nan"))
    ('25.0 %', '–')
    """
    return "–" if math.isnan(value) else f"{100 * value:.{decimals}f}{unit}"
