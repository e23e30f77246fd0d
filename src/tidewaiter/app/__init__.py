"""How Tidewaiter is run: the engine and the command line."""
