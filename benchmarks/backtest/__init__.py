"""`parkbench backtest`: alarm rules over recorded telemetry of any origin, scored where it is labelled."""
