"""Rows to signals, signals to incidents: what the detections of `content` say, and who did it.

A `Detector` is made once per process; `detect` is a plain function over a batch. `group_incidents` turns
signals into incidents, `incident_json` writes one as the line that DESIGN section 12 promises.
"""

from tidewaiter.pipeline.detect.check import Problem, check_detection
from tidewaiter.pipeline.detect.detector import Detector
from tidewaiter.pipeline.detect.document import incident_json
from tidewaiter.pipeline.detect.incidents import WINDOW, group_incidents

__all__ = ["WINDOW", "Detector", "Problem", "check_detection", "group_incidents", "incident_json"]
