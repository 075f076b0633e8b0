"""A dataset version as a Croissant 1.1 document (MLCommons, https://docs.mlcommons.org/croissant/), in JSON-LD."""

import re
from typing import Any

from mlsteward.data.snapshot import Column
from mlsteward.exchange.sheet import Sheet
from mlsteward.exchange.types import croissant_type

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "annotation": "cr:annotation",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
    "value": "cr:value",
}


def write_croissant(sheet: Sheet) -> dict[str, Any]:
    """The document: one Parquet file by its sha256, one record set with a field for each column.

    The file is called as `mlsteward checkout` names it, and looked for beside the document.
    """
    key = next(iter(sheet.contract.keys), []) if sheet.contract else []
    ids = _field_ids(sheet)
    document: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": sheet.name,
        "description": sheet.table.description or f"{sheet.rows:,} rows of {sheet.name}.",
        "conformsTo": CONFORMS_TO,
        "version": f"{sheet.version}.0.0",
        "datePublished": sheet.created.isoformat(),
        "keywords": sheet.table.tags,
        "creator": {"@type": "sc:Organization", "name": sheet.table.owner} if sheet.table.owner else None,
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": sheet.file,
                "name": sheet.file,
                "description": f"The rows of {sheet.label}, fingerprint {sheet.fingerprint}.",
                "contentSize": f"{sheet.bytes} B",
                "contentUrl": sheet.file,
                "encodingFormat": "application/x-parquet",
                "sha256": sheet.sha256,
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": sheet.name,
                "name": sheet.name,
                "description": sheet.table.description,
                "key": [{"@id": ids[column]} for column in key if column in ids],
                "field": [_field(sheet, column, ids[column.name]) for column in sheet.columns],
            }
        ],
    }
    return _filled(document)


def _field_ids(sheet: Sheet) -> dict[str, str]:
    """An id for each column: readers take no blanks in them."""
    ids: dict[str, str] = {}
    for column in sheet.columns:
        plain = found = f"{sheet.name}/{re.sub(r'[^A-Za-z0-9_.-]', '_', column.name)}"
        while found in ids.values():
            found = f"{plain}_{len(ids)}"
        ids[column.name] = found
    return ids


def _field(sheet: Sheet, column: Column, id: str) -> dict[str, Any]:
    entry = sheet.entries.get(column.name)
    words = (entry.description, f"Unit: {entry.unit}." if entry.unit else "") if entry else ()
    return {
        "@type": "cr:Field",
        "@id": id,
        "name": column.name,
        "description": " ".join(part for part in words if part),
        "dataType": croissant_type(column.type),
        "source": {"fileObject": {"@id": sheet.file}, "extract": {"column": column.name}},
    }


def _filled(value: Any) -> Any:
    """Without what says nothing."""
    if isinstance(value, dict):
        pairs = ((name, _filled(item)) for name, item in value.items())  # pyright: ignore[reportUnknownVariableType]
        return {name: item for name, item in pairs if item not in (None, "", [])}
    return [_filled(item) for item in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]
