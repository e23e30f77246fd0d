"""What lies in a folder of logs and what it would cost, with no Azure: what `tidewaiter assess` tells."""

from tidewaiter.app.engine.assess.facts import SourceFacts
from tidewaiter.app.engine.assess.survey import Assessment, assess

__all__ = ["Assessment", "SourceFacts", "assess"]
