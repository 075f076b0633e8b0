"""The tool `lookup_data_dictionary`."""

from mlsteward.dictionary.entry import Entry
from mlsteward.dictionary.lookup import DictionaryAnswer, look_up
from mlsteward.server.declare import Call, Tool
from mlsteward.store.catalogue import read_catalogue
from mlsteward.store.metric_values import current_value


def lookup_data_dictionary(call: Call, query: str = "", dataset: str = "", limit: int = 10) -> DictionaryAnswer:
    """Look up what tables, columns, business terms and metrics mean: definition, unit, owner, range, links, freshness,
    comments, a metric's value.

    A dataset alone lists all its columns. A query searches names, descriptions, synonyms, tags and units; name a column
    or a term (`flights.dep_delay`, "who owns dep_delay", "late flight") for all that is recorded. The answer says which
    words are a person's, which were harvested, and what is not recorded.
    """
    workspace = call.workspace

    def value_of(metric: Entry) -> str:
        return current_value(workspace, metric).words(metric.unit)

    return look_up(read_catalogue(workspace.store), query, dataset, limit, value_of)


TOOL = Tool(
    lookup_data_dictionary, title="Look up the data dictionary", toolset="dictionary", read_only=True, idempotent=True
)
