"""Front matter: what stands about a text above it, for the program that makes a page of both."""

import json
import re
import tomllib
from collections.abc import Mapping

# YAML between dashes, TOML between plus signs; the format's name may stand behind the first.
_FENCED = re.compile(
    r"\s*^(?:(?P<dash>---)[ \t]*(?:ya?ml|toml|json)?|(?P<plus>\+\+\+))[ \t]*\n"
    r"(?P<fields>(?:.*\n)*?)(?(dash)(?:---|\.\.\.)|\+\+\+)[ \t]*(?:\n|\Z)",
    re.MULTILINE,
)
# What a rule, with a text below it, has too is no front matter.
_LINE = re.compile(
    r"""\s*(?:\#.*)?                             # nothing, or a comment
      | (?:["']?[\w.@/<-]+(?:\ [\w.@/-]+){0,3}["']?)\s*(?::(?:\s.*)?|=.*)  # a field
      | [ \t]+\S.* | -(?:\s.*)?                  # what belongs to one
      | [\[\]{}"'].*                             # a table of TOML, JSON""",
    re.VERBOSE,
)
_FIELD = re.compile(
    r"^[\"']?(title|language|lang)[\"']?[ \t]*:[ \t]*"
    r"(?:[>|][-+]?[ \t]*\n((?:[ \t]+.*\n?)+)|(.+?)[ \t]*$)",
    re.MULTILINE,
)
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^']|'')*)'")


def split_front_matter(text: str) -> tuple[Mapping[str, str], str]:
    """Return the fields `title`, `language`, `lang`, and the text without its front matter."""
    if fenced := _FENCED.match(text):
        if fenced["plus"]:
            return _split_toml(text, fenced)
        if all(_LINE.fullmatch(line) for line in fenced["fields"].split("\n")):
            fields = {
                name: " ".join(block.split()) or _value(value)
                for name, block, value in _FIELD.findall(fenced["fields"])
            }
            return fields, text[fenced.end() :]
    elif text.lstrip().startswith("{"):
        return _split_json(text.lstrip())
    return {}, text


def _split_toml(text: str, fenced: re.Match[str]) -> tuple[Mapping[str, str], str]:
    try:
        fields = tomllib.loads(fenced["fields"])
    except ValueError:
        return {}, text
    return {name: value for name, value in fields.items() if isinstance(value, str)}, text[
        fenced.end() :
    ]


def _split_json(text: str) -> tuple[Mapping[str, str], str]:
    try:
        fields, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return {}, text
    if text[end : end + 1] not in ("", "\n"):
        return {}, text
    return {name: value for name, value in fields.items() if isinstance(value, str)}, text[end:]


def _value(written: str) -> str:
    if quoted := _QUOTED.match(written):
        return str(quoted[1] or quoted[2] or "").replace('\\"', '"').replace("''", "'")
    return re.split(r"(?:^|\s)#", written)[0].strip().rstrip(",")
