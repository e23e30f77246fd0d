"""The command line. stdout is data, stderr is progress and messages; exit codes as in DESIGN section 12."""

from tidewaiter.app.cli.root import app, main

__all__ = ["app", "main"]
