"""Which schema each facet of an OpenLineage event follows, and the facet of column lineage."""

from collections.abc import Sequence
from typing import Any

Facets = dict[str, dict[str, Any]]


def _schema(version: str, name: str) -> str:
    return f"{version}/{name}.json#/$defs/{name}"


# documentation is of one name and shape on jobs and datasets, and of a schema each.
RUN_FACETS = {
    "errorMessage": _schema("1-0-1", "ErrorMessageRunFacet"),
    "parent": _schema("1-2-0", "ParentRunFacet"),
    "processing_engine": _schema("1-1-1", "ProcessingEngineRunFacet"),
    "tags": _schema("1-0-0", "TagsRunFacet"),
    "test": _schema("1-0-1", "TestRunFacet"),
}
JOB_FACETS = {
    "documentation": _schema("1-1-0", "DocumentationJobFacet"),
    "jobType": _schema("2-0-4", "JobTypeJobFacet"),
    "sql": _schema("1-1-0", "SQLJobFacet"),
}
DATASET_FACETS = {
    "columnLineage": _schema("1-2-0", "ColumnLineageDatasetFacet"),
    "dataQualityMetrics": _schema("1-0-1", "DataQualityMetricsDatasetFacet"),
    "dataSource": _schema("1-0-1", "DatasourceDatasetFacet"),
    "datasetType": _schema("1-0-1", "DatasetTypeDatasetFacet"),
    "documentation": _schema("1-1-0", "DocumentationDatasetFacet"),
    "ownership": _schema("1-0-1", "OwnershipDatasetFacet"),
    "schema": _schema("1-2-0", "SchemaDatasetFacet"),
    "version": _schema("1-0-1", "DatasetVersionDatasetFacet"),
}
INPUT_FACETS = {
    "dataQualityAssertions": _schema("1-1-0", "DataQualityAssertionsDatasetFacet"),
    "dataQualityMetrics": _schema("1-0-3", "DataQualityMetricsInputDatasetFacet"),
}
OUTPUT_FACETS = {"outputStatistics": _schema("1-0-2", "OutputStatisticsOutputDatasetFacet")}


def column_lineage(dependencies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The facet: by column where it comes from, and what decides which rows there are.

    An input column stands once for each, with every way in which it goes in.
    """
    found: dict[str, dict[tuple[str, str, str], list[dict[str, str]]]] = {}
    for one in dependencies:
        way = {"type": one["type"], **({"subtype": one["subtype"]} if one["subtype"] else {})}
        place = (one["namespace"], one["dataset"], one["column"])
        found.setdefault(one["field"], {}).setdefault(place, []).append(way)
    inputs = {
        field: [
            {"namespace": namespace, "name": name, "field": column, "transformations": ways}
            for (namespace, name, column), ways in places.items()
        ]
        for field, places in found.items()
    }
    everywhere = {"dataset": inputs.pop("")} if "" in inputs else {}
    return {"fields": {field: {"inputFields": ones} for field, ones in inputs.items()}, **everywhere}
