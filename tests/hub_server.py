"""A stand-in for the Hugging Face hub on this machine: as much of its protocol as huggingface_hub needs of it."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

WRITER, READER = "hf_writes", "hf_reads"  # tokens; the first may write as "me"
Answer = tuple[int, dict[str, str], bytes]  # status, headers, content
SMALL = 2000  # bytes; what is larger goes as the hub's large files do


@dataclass
class Repository:
    """Commits, each with all of its files, and which of them a branch is at."""

    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, branch: str, files: dict[str, bytes], message: str = "") -> str:
        """Gives the commit's name."""
        oid = sha1(f"{len(self.messages)} {sorted(files)}".encode()).hexdigest()
        self.commits[oid] = self.commits.get(self.branches.get(branch, ""), {}) | files
        self.messages.append(message)
        self.branches[branch] = oid
        return oid


class Refused(Exception):
    """What the hub answers instead: a status, and its code or message."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        self.status, self.code, self.message = status, code, message


class StandIn:
    """What the hub holds, and what it was asked.

    asked: "METHOD path" of each request. large: contents of large files by SHA-256. endpoint: where it answers.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.endpoint = ""

    def put(self, name: str, files: dict[str, bytes], *, private: bool = False) -> None:
        """A repository, as others may have filled it."""
        self.repositories[name] = Repository(private)
        self.repositories[name].commit("main", files)

    def visible(self, name: str, token: str) -> Repository:
        """A repository that this token may see."""
        if token not in ("", WRITER, READER):
            raise Refused(401, message="Invalid credentials in Authorization header")
        found = self.repositories.get(name)
        if found is None or (found.private and token != WRITER):
            raise Refused(404 if token else 401, "RepoNotFound")
        return found

    def writable(self, name: str, token: str) -> Repository:
        """A repository that this token may write."""
        found = self.visible(name, token)
        self.allow(name, token)
        return found

    def allow(self, name: str, token: str) -> None:
        """Refuses where a token may not write."""
        if token != WRITER or not name.startswith("me/"):
            raise Refused(403, message="Forbidden: you have no write access here")

    # What it is asked ---------------------------------------------------------------------------------------------

    def answer(  # noqa: C901 - a case for each address
        self, method: str, path: list[str], body: bytes, token: str
    ) -> Answer:
        """To a request; path: its parts."""
        match method, *path:
            case "POST", "api", "repos", "create":
                return self.create(json.loads(body), token)
            case "POST", "api", "validate-yaml":
                return self.validate(json.loads(body)["content"])
            case "GET", "api", "models", owner, name:
                found = self.visible(f"{owner}/{name}", token)
                return _json({"id": f"{owner}/{name}", "private": found.private, "sha": found.branches["main"]})
            case "POST", "api", "models", owner, name, "branch", branch:
                found = self.writable(f"{owner}/{name}", token)
                if branch in found.branches:
                    raise Refused(409, message="Reference already exists")
                found.branches[branch] = found.branches.get("main", "")
                return _json({})
            case "POST", "api", "models", owner, name, "preupload", _:
                self.writable(f"{owner}/{name}", token)
                return _json({"files": [_mode(file) for file in json.loads(body)["files"]]})
            case "POST", "api", "models", owner, name, "commit", branch:
                return self.commit(f"{owner}/{name}", token, branch, body)
            case "POST", owner, name, "info", "lfs", "objects", "batch":
                self.writable(f"{owner}/{name.removesuffix('.git')}", token)
                objects = [one | self.actions(one["oid"]) for one in json.loads(body)["objects"]]
                return _json({"transfer": "basic", "objects": objects})
            case "PUT", "large", oid:
                assert sha256(body).hexdigest() == oid
                self.large[oid] = body
                return 200, {}, b""
            case "GET" | "HEAD", "large", oid:
                return 200, {"ETag": f'"{oid}"'}, self.large[oid]
            case "GET" | "HEAD", owner, name, "resolve", revision, file:
                return self.resolve(self.visible(f"{owner}/{name}", token), revision, file)
        raise Refused(404)

    def create(self, asked: dict[str, Any], token: str) -> Answer:
        name = f"{asked['organization']}/{asked['name']}"
        self.allow(name, token)
        known = name in self.repositories
        if not known:
            private = asked.get("private") or asked.get("visibility") == "private"  # as old and new clients say it
            self.repositories[name] = Repository(bool(private))
            self.repositories[name].commit("main", {".gitattributes": b""}, "initial commit")
        return _json({"url": f"{self.endpoint}/{name}"}, 409 if known else 200)

    def validate(self, card: str) -> Answer:
        wrong = "license: nonsense" in card
        errors = [{"message": '"license" must be one of the known ones'}] if wrong else []
        return _json({"errors": errors, "warnings": []}, 400 if wrong else 200)

    def actions(self, oid: str) -> dict[str, Any]:
        return {} if oid in self.large else {"actions": {"upload": {"href": f"{self.endpoint}/large/{oid}"}}}

    def commit(self, name: str, token: str, branch: str, body: bytes) -> Answer:
        found = self.writable(name, token)
        header, *lines = [json.loads(line) for line in body.splitlines()]
        files = {}
        for line in lines:
            value = line["value"]
            small = line["key"] == "file"
            files[value["path"]] = base64.b64decode(value["content"]) if small else self.large[value["oid"]]
        oid = found.commit(branch, files, header["value"]["summary"])
        return _json({"success": True, "commitOid": oid, "commitUrl": f"{self.endpoint}/{name}/commit/{oid}"})

    def resolve(self, found: Repository, revision: str, file: str) -> Answer:
        oid = found.branches.get(revision, revision)
        if oid not in found.commits:
            raise Refused(404, "RevisionNotFound")
        if file not in found.commits[oid]:
            raise Refused(404, "EntryNotFound")
        content = found.commits[oid][file]
        digest = sha256(content).hexdigest()
        headers = {"X-Repo-Commit": oid, "ETag": f'"{digest}"'}
        if len(content) <= SMALL:
            return 200, headers, content
        self.large[digest] = content
        linked = {"X-Linked-ETag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        elsewhere = self.endpoint.replace("127.0.0.1", "localhost")  # large files come from another host
        return 302, headers | linked | {"Location": f"{elsewhere}/large/{digest}"}, b""


def _mode(file: dict[str, Any]) -> dict[str, Any]:
    large = file["size"] > SMALL and not file["path"].endswith(".md")
    return {"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}


def _json(answer: dict[str, Any], status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(answer).encode()


@contextmanager
def hub() -> Iterator[StandIn]:
    """The stand-in while it answers, on a port of this machine."""
    held = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = urlsplit(self.path).path
            held.asked.append(f"{self.command} {path}")
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            try:
                parts = [unquote(part) for part in path.strip("/").split("/")]
                status, headers, content = held.answer(self.command, parts, body, token)
            except Refused as refused:
                headers = {"X-Error-Code": refused.code, "X-Error-Message": refused.message}
                status, content = refused.status, json.dumps({"error": refused.message}).encode()
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(content))}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815 - as http.server calls them

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
