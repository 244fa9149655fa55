"""The HTTP interface: a few routes over a Desk. No path of a file is ever taken from a request."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from pixelwise.serving.answers import Answer, Asked, Health, ModelFacts, Problem
from pixelwise.serving.body import FIELD, read_body
from pixelwise.serving.desk import Desk
from pixelwise.serving.guard import PAGE, App, Guard
from pixelwise.serving.images import KINDS, TAKEN
from pixelwise.serving.limits import Refusal
from pixelwise.serving.metrics import CONTENT_TYPE

MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}

BINARY = {"schema": {"type": "string", "format": "binary"}}
BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {"type": "object", "required": [FIELD], "properties": {FIELD: BINARY["schema"]}}
        },
        **{f"image/{kind}": BINARY for kind in KINDS},
    },
}
ANSWERS = {
    "application/json": {"schema": {"$ref": "#/components/schemas/Answer"}},
    "image/png": BINARY,
    "application/geo+json": {"schema": {"type": "object"}},
    "text/csv": {"schema": {"type": "string"}},
}
SAID = {
    400: "The body broke off.",
    401: "The token is missing or wrong.",
    404: "There is no such model.",
    408: "The body came in too slowly.",
    413: "Too many bytes, pixels or outlines.",
    415: f"What was sent is not {TAKEN}.",
    422: "The image is damaged, or the question is.",
    429: "The queue is full; Retry-After says when to try again.",
    503: "The server stops, or took too long.",
}


def create_app(desk: Desk, token: str = "") -> App:
    """The ASGI application. token: that requests must bear, but for the page and /health; empty for none."""
    security = [Depends(HTTPBearer(auto_error=False, description="The server's --token."))] if token else []
    app = FastAPI(
        title="pixelwise",
        version=version("pixelwise"),
        description="Labels every pixel of a photo.",
        docs_url=None,  # its page takes scripts from elsewhere
        redoc_url=None,
    )
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(Exception, _bug)
    app.state.desk = desk
    _add_page(app)
    _add_facts(app, desk, security)
    _add_predict(app, desk, security)
    return Guard(app, desk, token)


def _add_page(app: FastAPI) -> None:
    for path, file in PAGE.items():
        answer = Response(file.read_bytes(), media_type=MEDIA_TYPES[file.suffix])
        answer.headers["cache-control"] = "no-cache"
        app.add_api_route(path, lambda answer=answer: answer, include_in_schema=False)


def _add_facts(app: FastAPI, desk: Desk, security: list[Any]) -> None:
    @app.get("/health", responses=_problems(503, model=Health))
    async def health(response: Response) -> Health:
        """Whether the server takes requests."""
        response.status_code = 503 if desk.stopping else 200
        return desk.health()

    @app.get("/models", dependencies=security, responses=_problems(401, 503))
    async def models() -> list[ModelFacts]:
        """The models; the first is the default."""
        return desk.models()

    @app.get("/metrics", dependencies=security, responses=_problems(401), response_class=Response)
    async def metrics() -> Response:
        """Counts, for Prometheus."""
        return Response(desk.metrics.text(), media_type=CONTENT_TYPE)


def _add_predict(app: FastAPI, desk: Desk, security: list[Any]) -> None:
    @app.post(
        "/predict",
        dependencies=security,
        openapi_extra={"requestBody": BODY},
        responses={200: {"model": Answer, "content": ANSWERS}, **_problems(*SAID)},
        response_class=Response,
    )
    async def predict(request: Request, asked: Annotated[Asked, Query()]) -> Response:
        """Labels the photo in the body: its bytes, or a form with the file field `image`."""
        name = desk.name_of(asked.model)
        with desk.upload(name):
            file = await read_body(request, desk.limits)
        body, media_type = await desk.answer(name, asked, file)
        return Response(body, media_type=media_type)


def _problems(*codes: int, model: type = Problem) -> dict[int | str, dict[str, Any]]:
    return {code: {"model": model, "description": SAID[code]} for code in codes}


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    request.app.state.desk.metrics.refused(error.reason)
    headers = {} if error.retry is None else {"retry-after": str(error.retry)}
    return _problem(error.status, error.detail, headers)


async def _not_understood(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    request.app.state.desk.metrics.refused("question")
    return _problem(422, f"{where[:80]}: {first['msg'].lower()}; /openapi.json says what may be asked")


async def _no_route(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return _problem(error.status_code, f"{error.detail.lower()}; /openapi.json says what there is", error.headers)


async def _bug(request: Request, error: Exception) -> Response:
    return _problem(500, "this is a bug of pixelwise; the server's log says more")


def _problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(Problem(detail=detail).model_dump(), status, headers)
