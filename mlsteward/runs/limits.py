"""What a worker may use and what it has used."""

import sys

from mlsteward.errors import UnusableData

if sys.platform == "win32":
    import psutil

    def limit_memory(megabytes: int) -> None:
        """Windows has no limit of the kind."""

    def lift_memory_limit() -> None:
        """Windows has no limit of the kind."""

    def cpu_seconds() -> float:
        times = psutil.Process().cpu_times()
        return times.user + times.system + times.children_user + times.children_system

    def peak_memory_mb() -> float:
        return psutil.Process().memory_info().peak_wset / 2**20

else:
    import resource

    _MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024

    def limit_memory(megabytes: int) -> None:
        """Bound what this process may allocate; more is a MemoryError.

        RLIMIT_DATA counts what is allocated. RLIMIT_AS would count what is merely mapped too, and libraries map a
        gigabyte before their first use.
        """
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = megabytes * 2**20
        resource.setrlimit(
            resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )

    def lift_memory_limit() -> None:
        """Make room for saying that there was none."""
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))

    def cpu_seconds() -> float:
        """CPU seconds of this process and the children it has waited for."""
        used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
        return sum(each.ru_utime + each.ru_stime for each in used)

    def peak_memory_mb() -> float:
        """The most memory this process, or one of the children it has waited for, held at any time."""
        used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
        return max(each.ru_maxrss for each in used) * _MAXRSS_UNIT / 2**20


def out_of_memory(megabytes: int) -> UnusableData:
    """The error of a worker that reached its limit."""
    return UnusableData(
        f"The work needs more memory than the {megabytes} MB a worker may use. Take fewer rows or columns, "
        "for example with transform_dataset, or start the server with a larger MLSTEWARD_WORKER_MEMORY_MB."
    )
