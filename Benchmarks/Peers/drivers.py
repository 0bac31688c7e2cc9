"""Builds the drivers of the rings, and says which peer is not there and how it is installed."""

import ctypes
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time

from table import Missing

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CACHE = os.path.join(ROOT, ".bench", "peers")
BUILDS = {"baseline": [], "native": ["-march=native"]}
PEERS = {  # name: (header that it brings, package, library flags)
    "boost": ("/usr/include/boost/lockfree/spsc_queue.hpp", "libboost-dev", []),
    "ck": ("/usr/include/ck_ring.h", "libck-dev", ["-lck"]),
    "rte_ring": ("/usr/include/dpdk/rte_ring.h", "libdpdk-dev", ["-lrte_ring", "-lrte_eal"]),
}
SOURCES = {"boost": "ring_boost.cpp", "ck": "ring_ck.cpp", "rte_ring": "ring_rte.cpp"}


class Failed(Exception):
    def __init__(self, what, code=70):
        super().__init__(what)
        self.code = code


WRONG = 65  # a driver's exit code where the peer gave something else than it was given


def note(row, error):
    """A driver's failure, in its row: a wrong result is the peer's, everything else the driver's."""
    if error.code == WRONG:
        row.wrong = str(error)
    else:
        row.failed = str(error)


class OutOfTime(Exception):
    """The whole run's time is up: nothing that was measured counts as a table."""


deadline = None  # of the whole run, by time.monotonic()


def die_with_parent():
    """What spins does not outlive a run that is killed outright: PR_SET_PDEATHSIG of prctl(2)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def run(command, seconds=120):
    """Output of a command; Failed with its own words and exit code."""
    left = seconds if deadline is None else deadline - time.monotonic()
    if left <= 0:
        raise OutOfTime
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=min(seconds, left), cwd=HERE,
            preexec_fn=die_with_parent,
        )
    except FileNotFoundError:
        raise Failed(f"{command[0]} is not there", 69) from None
    except subprocess.TimeoutExpired:
        if left < seconds:
            raise OutOfTime from None
        raise Failed(f"{os.path.basename(command[0])} did not end within {seconds} s") from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()[-1]
        if done.returncode < 0:
            # A crash is no answer, whatever it printed before.
            raise Failed(f"ended by {signal.Signals(-done.returncode).name}: {said}")
        raise Failed(said, done.returncode)
    return done.stdout


def dpdk_flags():
    """As pkg-config says, without its choice of a processor: the builds make that."""
    try:
        said = run(["pkg-config", "--cflags", "libdpdk"])
    except Failed:
        said = "-I/usr/include/dpdk -include rte_config.h"
    return [flag for flag in shlex.split(said) if not flag.startswith("-march")]


def compile_ring(name, source, build, flags, libraries):
    cxx, cc = os.environ.get("CXX", "g++"), os.environ.get("CC", "gcc")
    program = os.path.join(CACHE, f"ring-{name}-{build}")
    common = ["-O3", "-Wall", "-D_GNU_SOURCE", *BUILDS[build], *flags]
    support = os.path.join(ROOT, "CSupport")
    floors = os.path.join(ROOT, "Benchmarks", "Floors")
    if name == "floor":
        run([cc, "-std=c11", *common, "-I", floors + "/include", source, floors + "/floors.c",
             "-lpthread", "-o", program])  # fmt: skip
        return program
    objects = []
    if name == "needletail":
        for part in ("nt_ring", "nt_ring_ends", "nt_crc32c", "nt_memory"):
            objects.append(os.path.join(CACHE, part + ".o"))
            run([cc, "-std=gnu11", *common, "-I", support + "/include", "-c",
                 f"{support}/{part}.c", "-o", objects[-1]])  # fmt: skip
    run([cxx, "-std=c++17", *common, "-I", support + "/include", source, *objects, *libraries,
         "-lpthread", "-o", program])  # fmt: skip
    return program


def build_rings():
    """Programs by (name, build), and who is missing."""
    os.makedirs(CACHE, exist_ok=True)
    programs, missing = {}, []
    ours = compile_ring("needletail", "ring_needletail.cpp", "baseline", [], ["-lnuma"])
    programs["ours"] = ours
    programs["floor"] = compile_ring("floor", "ring_floor.c", "baseline", [], [])
    for name, (header, package, libraries) in PEERS.items():
        if not os.path.exists(header):
            missing.append(Missing(name, f"no {header}", f"apt-get install {package}"))
            continue
        flags = dpdk_flags() if name == "rte_ring" else []
        for build in BUILDS:
            try:
                programs[name, build] = compile_ring(name, SOURCES[name], build, flags, libraries)
            except Failed as error:
                missing.append(
                    Missing(f"{name}, {build}", f"its driver did not build: {error}",
                            f"apt-get install --reinstall {package}")  # fmt: skip
                )
    return programs, missing


def python_peer(module):
    """The interpreter that has the module, or None."""
    for python in (os.path.join(CACHE, "venv", "bin", "python"), sys.executable):
        try:
            run([python, "-c", f"import {module}"])
            return python
        except Failed:
            continue
    return None


def sockperf():
    return shutil.which("sockperf")
