"""The pipeline's workers: plan the objects, map them in processes, commit what came of each, report."""
