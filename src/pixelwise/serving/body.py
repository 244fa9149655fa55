"""The body of a request -> a file with what was sent, counted and timed while it comes in."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from pixelwise.serving.images import TAKEN
from pixelwise.serving.limits import Limits, Refusal

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # what it warns of is answered

FIELD = "image"
IN_MEMORY = 2**20  # bytes of a body; larger ones wait in a file without a name
FIELDS, FIELD_BYTES = 8, 4096  # of a form, beside the image
HOW = f"send {TAKEN} with `Content-Type: image/...`, or a form with the file field `{FIELD}`"


async def read_body(request: Request, limits: Limits) -> BinaryIO:
    """The image's file, at its beginning, from the body itself or from a form. Raises Refusal."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limits.bytes:
        raise _too_large(limits)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    parts = _parts(request, limits)
    if kind == "multipart/form-data":
        return await _from_form(request, parts)
    if not kind.startswith("image/") and kind != "application/octet-stream":
        raise Refusal(415, "kind", f"the Content-Type is {kind[:40] or 'missing'}; {HOW}")
    return await _from_bytes(parts)


async def _from_bytes(parts: AsyncGenerator[bytes, None]) -> BinaryIO:
    file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - the caller closes it
    try:
        async for part in parts:
            file.write(part)
    except BaseException:
        file.close()
        raise
    return cast(BinaryIO, file)


async def _from_form(request: Request, parts: AsyncGenerator[bytes, None]) -> BinaryIO:
    try:
        parser = MultiPartParser(request.headers, parts, max_files=1, max_fields=FIELDS, max_part_size=FIELD_BYTES)
        form = await parser.parse()
    except MultiPartException as error:
        raise Refusal(422, "form", f"the form cannot be read ({error.message.rstrip('.').lower()}); {HOW}") from error
    sent = form.get(FIELD)
    if isinstance(sent, UploadFile):
        return sent.file
    await form.close()
    raise Refusal(415, "kind", f"the form has no file in a field `{FIELD}`; {HOW}")


async def _parts(request: Request, limits: Limits) -> AsyncGenerator[bytes, None]:
    """The body, part by part. Raises Refusal where it is too slow or too large, or breaks off."""
    stream, read, end = request.stream(), 0, time.monotonic() + limits.body
    while True:
        try:
            async with asyncio.timeout(max(0, min(limits.idle, end - time.monotonic()))):
                part = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise Refusal(408, "slow", "the body comes in too slowly; send a smaller image or try again") from error
        except ClientDisconnect as error:
            raise Refusal(400, "broken off", "the body broke off; send it again") from error
        read += len(part)
        if read > limits.bytes:
            raise _too_large(limits)
        yield part


def _too_large(limits: Limits) -> Refusal:
    return Refusal(413, "bytes", f"the body has more than {limits.bytes / 2**20:g} MiB; send a smaller one")
