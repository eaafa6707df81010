"""Measure, judge, compare: the `parkbench` command and what stands behind it."""
