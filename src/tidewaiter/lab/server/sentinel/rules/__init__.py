"""Analytics rules: what they say, when they run, and the alerts that they make."""
