"""YAML with line numbers: mappings and lists that know where each of their parts stands in the file."""

from pathlib import Path

import yaml


class Unreadable(Exception):
    """A scenario file that cannot be used. `problems` are sentences, each with file and line, in the order of the file."""

    def __init__(self, problems: list[str]):
        self.problems = problems
        super().__init__("\n".join(problems))


class Wrong(Exception):
    """Something in a document that does not belong there, at a line (counted from 1; 0 where it is not known)."""

    def __init__(self, message: str, line: int = 0):
        self.message, self.line = message, line
        super().__init__(message)


class Mapping(dict):
    """A mapping with `line`, where it begins, and `lines` {key: line}."""

    line: int
    lines: dict


class Items(list):
    """A list with `line`, where it begins, and `lines`, one for each item."""

    line: int
    lines: list


class _Loader(yaml.SafeLoader):
    """Plain data only; the keys of a mapping are texts and stand once."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Mapping:
    found = Mapping()
    found.line, found.lines = _line(node), {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise Wrong(f"“{key_node.value}” cannot be a key here: put it in quotes.", _line(key_node))
        if key in found:
            raise Wrong(f"“{key}” stands here twice.", _line(key_node))
        found[key] = loader.construct_object(value_node, deep=True)
        found.lines[key] = _line(key_node)
    return found


def _items(loader: _Loader, node: yaml.SequenceNode) -> Items:
    found = Items(loader.construct_object(child, deep=True) for child in node.value)
    found.line, found.lines = _line(node), [_line(child) for child in node.value]
    return found


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:seq", _items)


def documents(path: Path) -> list:
    """The documents of a file: plain data, mappings and lists with their lines. Raises Unreadable with the place in the file."""
    try:
        text = path.read_text(encoding="utf-8")
        return [found for found in yaml.load_all(text, Loader=_Loader) if found is not None]
    except OSError as error:
        raise Unreadable([f"{path}: {error.strerror or error}"]) from error
    except UnicodeDecodeError as error:
        raise Unreadable([f"{path}: it is no UTF-8 text (byte {error.start})."]) from error
    except Wrong as error:
        raise Unreadable([f"{path}:{error.line}: {error.message}"]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else f"{path}"
        raise Unreadable([f"{where}: no YAML: {getattr(error, 'problem', None) or error}."]) from error
