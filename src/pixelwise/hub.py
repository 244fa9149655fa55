"""Models on the Hugging Face hub: one file down, one commit up; only what the user named is asked of the network."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from pixelwise.errors import UserError
from pixelwise.progress import console

HUB = "hf://"
MODEL, CARD = "model.safetensors", "README.md"  # as the hub calls them
INSTALL = "run `pip install 'pixelwise[hub]'`"
LOGIN = "run `hf auth login`, or set HF_TOKEN"
LONGEST = 300  # characters of what the hub or its client says
GIT_NAME = re.compile(r"(?!.*\.\.)[\w./+-]+")


class Place(NamedTuple):
    """A repository on the hub, "user/name", and which of its revisions: a branch, a tag or a commit; None = main."""

    repository: str
    revision: str | None = None


def is_hub(path: str) -> bool:
    """Whether it names a model on the hub.

    >>> is_hub("hf://user/name"), is_hub("user/name")
    (True, False)
    """
    return path.startswith(HUB)


def place_of(path: str) -> Place:
    """The repository and revision that ``path`` names. Raises UserError where it names none.

    >>> place_of("hf://user/name@v1")
    Place(repository='user/name', revision='v1')
    """
    repository, at, revision = path.removeprefix(HUB).partition("@")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository) or (at and not GIT_NAME.fullmatch(revision)):
        raise UserError(f"{path}: names no model on the hub; give {HUB}USER/NAME or {HUB}USER/NAME@REVISION")
    return Place(repository, revision or None)


def download(place: Place, file: str = MODEL) -> Path:
    """One file of a repository, in huggingface_hub's cache: as it is now, or as it was last, if nothing can be reached.

    Raises UserError where it cannot be had.
    """
    repository, revision = place
    client = _client(repository)
    with _told(place, file), _quiet():
        api = client.HfApi(**_asking())
        if not isinstance(client.try_to_load_from_cache(repository, file, revision=revision), str):
            # The download itself would try for half a minute, and say so, where nothing can be reached.
            api.get_hf_file_metadata(url=client.hf_hub_url(repository, file, revision=revision, endpoint=api.endpoint))
        return Path(api.hf_hub_download(repository, file, revision=revision))


def upload(
    place: Place, files: Mapping[str, Path | bytes], *, message: str, private: bool = False, token: str | None = None
) -> str:
    """Files as one commit; the repository, and the branch if it has another name than main, are made if need be.

    files: by their names there. private: whether only its owner sees it. token: else the one that was stored or that
    HF_TOKEN says. Gives the commit as `place_of` reads it. Raises UserError where that cannot be done, before anything
    is sent where there is no token, or where a private repository was asked for and it is public.
    """
    repository, branch = place
    client = _client(repository)
    token = token or client.get_token()
    if not token:
        raise UserError(f"{repository}: there is no token, without which the hub takes nothing; {LOGIN}")
    api = client.HfApi(token=token, **_asking())
    with _told(place, MODEL), _quiet():
        api.create_repo(repository, private=private, exist_ok=True)
        if private and not api.model_info(repository).private:
            raise UserError(f"{repository}: is public already; make it private on its page, or give another name")
        if branch:
            api.create_branch(repository, branch=branch, exist_ok=True)
        added = [client.CommitOperationAdd(name, content) for name, content in files.items()]
        done = api.create_commit(repository, added, commit_message=message, revision=branch)
    return f"{HUB}{repository}@{done.oid}"


@contextmanager
def _quiet() -> Iterator[None]:
    """The client's bars are for terminals alone."""
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown = not are_progress_bars_disabled()
    if shown and not console().is_terminal:
        disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()


def _asking() -> dict[str, str]:
    """Who asks, as the hub counts it."""
    return {"library_name": "pixelwise", "library_version": version("pixelwise")}


def _client(repository: str) -> ModuleType:
    try:
        import huggingface_hub
    except ImportError as error:
        raise UserError(
            f"{repository}: is no file here, and the hub needs huggingface_hub ({error}); {INSTALL}"
        ) from error
    return huggingface_hub


# Errors ---------------------------------------------------------------------------------------------------------------


@contextmanager
def _told(place: Place, file: str) -> Iterator[None]:
    """What goes wrong with the hub, as one line.

    Every exception is caught: the client lets through those of its HTTP library, which is another in each version.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{place.repository}: {_what_and_mend(error, place, file)}") from error


def _what_and_mend(error: BaseException, place: Place, file: str) -> str:
    from huggingface_hub import errors

    if error.__cause__ and isinstance(error, errors.LocalEntryNotFoundError | RuntimeError):
        error = error.__cause__  # the client only says there that it tried
    said = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST]
    known: list[tuple[type[Exception], str]] = [  # the narrower kind before the wider
        (errors.GatedRepoError, f"its owner asks who you are; agree to that on its page, then {LOGIN}"),
        (
            errors.RepositoryNotFoundError,
            f"there is no such repository on the hub, or your token may not see it; mend the name, or {LOGIN}",
        ),
        (errors.RevisionNotFoundError, f"has no revision {place.revision}; give a branch, a tag or a whole commit"),
        (errors.RemoteEntryNotFoundError, f"holds no {file}; name a repository that has one"),
        (errors.HFValidationError, f"is no name that the hub allows ({said}); give USER/NAME"),
    ]
    for kind, what in known:
        if isinstance(error, kind):
            return what
    return _of_any_kind(error, said)


def _of_any_kind(error: BaseException, said: str) -> str:
    """Of errors that have no class of their own. said: by them."""
    from huggingface_hub import constants, errors

    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return f"the hub does not allow that to your token ({said}); {LOGIN} with a token that may"
    if isinstance(error, ValueError):
        return f"the hub does not take it as it is ({said}); mend that"
    if isinstance(error, errors.HfHubHTTPError | errors.FileMetadataError):
        return f"{constants.ENDPOINT} answers, but not as the hub should ({said}); try again later"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename} cannot be written ({error.strerror}); make room, or set HF_HOME to another folder"
    if isinstance(error, OSError) or type(error).__module__.startswith("http"):  # of its HTTP library
        where = constants.ENDPOINT
        return f"nothing could be reached at {where} ({said}); mend the network, or use what lies on your disk"
    return f"huggingface_hub failed ({said}); upgrade it, or try again later"
