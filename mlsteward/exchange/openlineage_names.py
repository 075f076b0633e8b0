"""What things are called in OpenLineage (https://openlineage.io/docs/spec/naming), and words that can be sent out."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from mlsteward.data.postgres_address import POSTGRES, parse_address
from mlsteward.data.remote import OBJECT_STORES, WEB

_LONGEST = 500


class External(NamedTuple):
    """A dataset outside the workspace; `uri` is "" for what has no address."""

    namespace: str
    name: str
    uri: str


def external_dataset(source: str, namespace: str) -> External:
    """What a source (as a version has it, without secrets) is called, so that other tools' lineage meets ours."""
    if source.startswith(POSTGRES):
        address, _ = parse_address(source)
        table = f"{address.database}.{address.table_schema}.{address.table}"
        place = f"postgres://{address.host}:{address.port}"
        return External(place, table, f"{place}/{table}")
    if source.startswith((*WEB, *OBJECT_STORES)):
        parts = urlsplit(source)
        path = parts.path if source.startswith(WEB) else parts.path.lstrip("/")
        return External(f"{parts.scheme}://{parts.netloc}", path or "/", source)
    if source.startswith(("model:", "run:", "sample:")) or source == "pasted content":
        return External(namespace, source, "")
    return External("file", source, f"file:{source}")


def job_name(kind: str, name: str) -> str:
    """A job is what is done again and again: `transform.flights`, `evaluate.delay`, whatever the version."""
    base = name.partition("@")[0]
    return f"{kind}.{base}" if base else kind


def masked_message(error: str) -> str:
    """An error's first paragraph without what it quotes, which may be values of rows or part of a credential."""
    first = error.split("\n", 1)[0]
    first = re.sub(r"://[^/\s@]*@", "://", first)
    return re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", first)[:_LONGEST]
