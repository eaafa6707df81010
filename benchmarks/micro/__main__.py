"""`python -m benchmarks.micro [PYTEST OPTIONS]`: run the suites and print one table."""

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.micro.table import load, show


def main() -> int:
    """Run every suite of this folder; returns pytest's exit status."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "benchmark.json"
        command = [
            sys.executable,
            "-m",
            "pytest",
            str(Path(__file__).parent),
            "-o",
            "python_files=bench_*.py",
            "-q",
            "--no-header",
        ]
        command += [
            "--benchmark-columns=median,rounds",
            f"--benchmark-json={record}",
            "--benchmark-quiet",
            *sys.argv[1:],
        ]
        status = subprocess.run(command, check=False).returncode
        if record.exists() and record.stat().st_size:
            show(load(record))
    return status


if __name__ == "__main__":
    sys.exit(main())
