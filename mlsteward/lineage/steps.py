"""The statements that made a dataset, as a model that was trained on it keeps them."""

from mlsteward.record import Record


class TransformStep(Record):
    """`sql` made the version `dataset` of the versions `sources`; labels, such as `flights@3`."""

    dataset: str
    sql: str
    sources: list[str] = []

    def label_of(self, table: str) -> str:
        """The version that the statement read as `table`: a bare name stood for the newest there was."""
        if table in self.sources:
            return table
        name = table.partition("@")[0]
        versions = [label for label in self.sources if label.partition("@")[0] == name]
        return max(versions, key=lambda label: int(label.partition("@")[2]), default="")
