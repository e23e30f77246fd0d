"""Data with its proof beside it (sources, detections), found by folder: one adds a folder, edits no list.

Third parties add folders through the entry point group `tidewaiter.content`: each entry point names a
package whose folder has the same layout (`sources/<id>/`, `detections/<id>/`).
"""

from tidewaiter.content.detection_specs import DetectionSpec, detections
from tidewaiter.content.folders import Folder, folders
from tidewaiter.content.sources import SourceSpec, load_source, sources

__all__ = ["DetectionSpec", "Folder", "SourceSpec", "detections", "folders", "load_source", "sources"]
