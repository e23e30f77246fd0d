"""Azure Resource Manager: the data collection rules, the workspace and its tables."""
