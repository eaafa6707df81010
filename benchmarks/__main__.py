"""`python -m benchmarks` is the `parkbench` command."""

from benchmarks.cli import main

if __name__ == "__main__":
    main()
