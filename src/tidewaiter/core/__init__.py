"""Values that travel between rooms: errors, faults, objects, chunks of records, signals, incidents."""
