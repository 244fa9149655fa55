"""The tables of docs/scale.md, from benchmarks/bench_scale.py."""

from recorded import load, table

HUNDRED_MILLION = 100_000_000
CORES = (16, 128, 1024)  # of clusters
PROCESSES = {"one process": "local", "1 worker": "ray", "2 workers": "ray"}


def measured_table() -> str:
    """What was measured on one machine."""
    result = load("bench_scale")
    heads = ("way", "photos/s", "photos/s of a core", "until the first photo", "memory of a worker", "of the leader")
    rows = []
    for way, one in result["figures"].items():
        count = 2 if way == "2 workers" else 1
        rows.append(
            (
                f"{way}, `--engine {PROCESSES[way]}`",
                f"{one['photos/s']:.1f}",
                f"{one['photos/s'] / count:.1f}",
                f"{one['start-up s']:.0f} s",
                f"{one['worker MiB']} MiB" if "worker MiB" in one else "",
                f"{one['leading process MiB']} MiB",
            )
        )
    width, height = result["pixels"]
    alike = "the same bytes" if result["same bytes"] else "**other bytes than one process**"
    conditions = (
        f"{result['photos']:,} photos of {width} x {height}, JPEG quality {result['quality']}, four pictures written "
        f"of each; one thread for each process, on {result['environment']['cores']} cores of "
        f"{result['environment']['processor']}. All ways wrote {alike}."
    )
    return f"{table(heads, rows)}\n\n{conditions}"


def cluster_table() -> str:
    """What a hundred million photos take, computed from that."""
    result = load("bench_scale")
    photo, planning = result["bytes per photo"], result["planning"]
    rate, worker = result["figures"]["2 workers"]["photos/s"] / 2, result["figures"]["2 workers"]["worker MiB"]
    hours = HUNDRED_MILLION / rate / 3600
    p = planning["seconds per million"]
    moved = photo["read"] + photo["written"]
    rows = [
        ("core hours", "N / r / 3600", f"{hours:,.0f}"),
        *((f"hours on {cores:,} cores", "core hours / c", f"{hours / cores:,.1f}") for cores in CORES),
        *(
            (f"memory of the workers on {cores:,} cores", "c x m", f"{cores * worker / 1024:,.0f} GiB")
            for cores in CORES
        ),
        ("read", "N x i", _terabytes(photo["read"])),
        ("written, four pictures of each", "N x o", _terabytes(photo["written"])),
        ("written, the label alone (`--write label`)", "N x l", _terabytes(photo["of which the label"])),
        ("the record", "N x d", _terabytes(photo["of the record"])),
        *(
            (f"traffic at {cores:,} cores", "c x r x (i + o)", f"{8 * cores * rate * moved / 1e9:,.2f} Gbit/s")
            for cores in CORES
        ),
        ("planning, before the first photo", "N x p", f"{p * HUNDRED_MILLION / 1e6 / 3600:.1f} hours"),
        ("list and plan on disk", "N x q", _terabytes(planning["bytes on disk"])),
        ("memory of the leader", "N x b", f"{planning['bytes of memory'] * HUNDRED_MILLION / 2**30:.1f} GiB"),
        ("on GPUs", "", "not measured"),
    ]  # fmt: skip
    symbols = (
        f"r = {rate:.2f} photos/s of a core, m = {worker} MiB, i = {photo['read']:,}, o = {photo['written']:,}, "
        f"l = {photo['of which the label']:,}, d = {photo['of the record']:,} bytes, "
        f"p = {p:.0f} µs, q = {planning['bytes on disk']:.0f}, "
        f"b = {planning['bytes of memory']:.0f} bytes, c cores, N = {HUNDRED_MILLION:,}."
    )
    return f"{table(('a hundred million photos', 'formula', 'value'), rows)}\n\n{symbols}"


def _terabytes(each: float) -> str:
    return f"{each * HUNDRED_MILLION / 1e12:,.2f} TB"
