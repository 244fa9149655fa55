"""The HTTP server and its page: a thin shell over the models. Needs `pip install 'pixelwise[serve]'`."""

from pixelwise.errors import UserError

INSTALL = "run `pip install 'pixelwise[serve]'`"


def check_installed() -> None:
    """Raises UserError where a package of the extra is missing."""
    try:
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
        import python_multipart  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UserError(f"serving needs {error.name}, which is not installed; {INSTALL}") from error
