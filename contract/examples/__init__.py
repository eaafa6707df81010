"""Good and bad messages as files, for people, for the OpenAPI documents and for tests.

A file is named `Kind.case.json` or `Kind.case.cbor.hex`, a bad one `Kind.case.bad.json`. Beside a bad one lies its
`Kind.case.message`: the status and the sentence that it must be answered with.
"""

import functools
from importlib import resources
from typing import NamedTuple


class Example(NamedTuple):
    """One example file.

    Attributes:
        kind: name of the message type, or `SenMLPack`.
        case: what it shows.
        encoding: "json" or "cbor".
        body: its bytes as they go over the wire.
        status, message: expected answer to a bad one; 200 and empty for a good one.
    """

    kind: str
    case: str
    encoding: str
    body: bytes
    status: int = 200
    message: str = ""

    @property
    def is_bad(self) -> bool:
        """It must be refused."""
        return bool(self.message)


@functools.cache
def all_examples() -> tuple[Example, ...]:
    """Every example, in order of file name."""
    folder = resources.files("contract.examples")
    files = {file.name: file for file in folder.iterdir() if file.name.endswith((".json", ".hex", ".message"))}
    found = []
    for name in sorted(files):
        if name.endswith(".message"):
            continue
        kind, case, *rest = name.split(".")
        text = files[name].read_text(encoding="utf-8")
        is_hex = rest[-1] == "hex"
        example = Example(kind, case, "cbor" if is_hex else "json", bytes.fromhex(text) if is_hex else text.encode())
        if "bad" in rest:
            status, _, message = files[f"{kind}.{case}.message"].read_text(encoding="utf-8").strip().partition(" ")
            example = example._replace(status=int(status), message=message)
        found.append(example)
    return tuple(found)


def examples_of(kind: str) -> list[Example]:
    """The JSON examples of one kind."""
    return [example for example in all_examples() if example.kind == kind and example.encoding == "json"]
