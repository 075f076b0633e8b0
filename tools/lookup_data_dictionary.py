"""The tool `lookup_data_dictionary`."""

from mlsteward.dictionary.lookup import DictionaryAnswer, look_up
from mlsteward.server.declare import Call, Tool
from mlsteward.store.catalogue import read_catalogue


def lookup_data_dictionary(call: Call, query: str = "", dataset: str = "", limit: int = 10) -> DictionaryAnswer:
    """Look up what tables and columns mean: meaning, unit, role, owner, type, range, nulls, relationships.

    A dataset alone lists all its columns. A query searches names, descriptions, tags and units; name a column
    (`dep_delay`, `flights.dep_delay`, "who owns dep_delay") for all that is recorded. The answer says which words are a
    person's, which were harvested, and what is not recorded.
    """
    return look_up(read_catalogue(call.workspace.store), query, dataset, limit)


TOOL = Tool(
    lookup_data_dictionary, title="Look up the data dictionary", toolset="dictionary", read_only=True, idempotent=True
)
