"""Builds for tests/bench/compare: contexts that are made on the spot, and what is built of them."""
import contextlib, pathlib, shutil, tempfile

TEN_STEPS = "FROM busybox\nCOPY . /src\nWORKDIR /src\nENV a=1 b=2\nRUN true\nLABEL c=3\nEXPOSE 80\nUSER 0\nRUN echo x >/x\nCMD [\"true\"]\n"
TEN_RUNS = "FROM busybox\n" + "RUN true\n" * 10
TWO_STAGES = "FROM busybox AS a\nRUN sleep 1\nFROM busybox AS b\nRUN sleep 1\nFROM busybox\nCOPY --from=a /bin /a\nCOPY --from=b /bin /b\n"


@contextlib.contextmanager
def contexts():
    """Directories with a Dockerfile each, by the case's name."""
    root = pathlib.Path(tempfile.mkdtemp(prefix="gantry-bench-"))
    try:
        out = {}
        for name, recipe in (("cached", TEN_STEPS), ("runs", TEN_RUNS), ("stages", TWO_STAGES)):
            out[name] = root / name
            out[name].mkdir()
            (out[name] / "Dockerfile").write_text(recipe)
        for directory in range(100):
            place = out["cached"] / f"d{directory}"
            place.mkdir()
            for file in range(100):
                (place / f"f{file}").write_text(f"{directory} {file}\n")
        yield {name: str(path) for name, path in out.items()}
    finally:
        shutil.rmtree(root)


def add_cases(case, gantry, docker, wanted):
    """`case`: of tests/bench/compare."""
    if wanted and not any(name.startswith("build") for name in wanted):
        return
    with contexts() as places:
        for name, ours in (("", gantry), (", docker CLI on both", docker)):
            case("build, ten cached steps, 10,000 files" + name, [ours, "build", "-q", places["cached"]],
                 [docker, "build", "-q", places["cached"]])
        none_cached = ["build", "-q", "--no-cache"]
        case("build, ten RUN true", [gantry, *none_cached, places["runs"]], [docker, *none_cached, places["runs"]], runs=5)
        case("build, two stages that sleep for 1 s", [gantry, *none_cached, places["stages"]],
             [docker, *none_cached, places["stages"]], runs=3)
