"""YAML files that may be damaged or written to do harm."""

from pathlib import Path
from typing import Any

import yaml

from pixelwise.data.files.file_content import opened
from pixelwise.errors import DataError, UserError

MOST_BYTES = 2**24
MOST_ITEMS = 50_000  # commas and lines; PyYAML reads 20,000 a second


def read_yaml(path: Path, example: str) -> dict[Any, Any]:
    """The keys and values of a YAML file. example: what it should read like, for messages.

    Raises UserError where it cannot be read, is no YAML, holds a key twice, or holds something else than keys.
    """
    try:
        with opened(path) as file:
            if path.stat().st_size > MOST_BYTES:
                what, mend = f"is larger than {MOST_BYTES:,} bytes", "write patterns of names instead of names"
                raise DataError(path, what, mend, "unreadable")
            content = file.read()
        if content.count(b",") + content.count(b"\n") > MOST_ITEMS:
            what = f"lists more than {MOST_ITEMS:,} things"
            raise DataError(path, what, "write patterns of names instead of names", "unreadable")
        node = yaml.compose(content.decode("utf-8-sig"), _Loader)
        _check_node(path, node)
        content = _Loader("").construct_document(node) if node else {}
    except yaml.YAMLError as error:
        raise UserError(f"{path}: is not valid YAML ({' '.join(str(error).split())[:200]}); correct it") from error
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not UTF-8 text; save it as UTF-8") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read ({str(error)[:200]}); correct it") from error
    if not isinstance(content, dict) or not content:
        raise UserError(f"{path}: should hold keys and values; it should read like `{example}`")
    return content


class _Loader(yaml.SafeLoader):
    """SafeLoader without aliases, by which a small file could grow without end."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not read")
        return super().compose_node(parent, index)


def _check_node(path: Path, node: yaml.Node | None) -> None:
    """YAML's readers keep the last of two equal keys and drop the first; a class would be lost silently."""
    if isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_node(path, value)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                raise UserError(f"{path}: line {key.start_mark.line + 1}: '{key.value}' is there twice; rename one")
            seen.add(str(key.value))
            _check_node(path, value)
