"""PyAV, which reads and writes films; or how to get it."""

from pixelwise.errors import UserError

try:
    import av
except ImportError as error:
    raise UserError(f"films and cameras need PyAV ({error}); run `pip install 'pixelwise[video]'`") from error

__all__ = ["av"]
