"""Files that may be read: those in the folders the operator named."""

from collections.abc import Sequence
from pathlib import Path

from mlsteward.errors import InvalidArgument, NotFound, Refused
from mlsteward.names import close_names


def find_file(text: str, folders: Sequence[Path]) -> Path:
    """The resolved file that `text` names, absolute or relative to one of `folders`.

    Raises NotFound with what was close, and Refused for a file outside the folders, symbolic links included.
    """
    given = Path(text).expanduser()
    candidates = [given] if given.is_absolute() else [folder / given for folder in folders]
    existing = [path for path in candidates if path.exists()]
    inside = [path for path in (path.resolve() for path in existing) if _is_inside(path, folders)]
    if inside:
        if not inside[0].is_file():
            raise InvalidArgument(f"{text} is a folder, not a file.")
        return inside[0]
    shown = ", ".join(str(folder) for folder in folders) or "none"
    if existing or given.is_absolute() or ".." in given.parts:
        raise Refused(f"{text} is not in the data folders ({shown}), and nothing else is read.")
    names = [path.name for folder in folders for path in (folder / given).parent.glob("*") if path.is_file()]
    raise NotFound(f"There is no file {text} in the data folders ({shown}).", close=close_names(given.name, names))


def _is_inside(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder.resolve()) for folder in folders)
