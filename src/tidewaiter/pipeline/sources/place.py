"""Where AWS's logs are from, by where they lie."""

from __future__ import annotations

import re
from functools import lru_cache

_ACCOUNT = re.compile(r"(?:^|/)([0-9]{12})(?=[/_])")
_REGION = re.compile(r"(?<![a-z])((?:af|ap|ca|cn|eu|eusc|il|me|mx|sa|us)(?:-[a-z]+){1,2}-[0-9])(?![0-9])")


@lru_cache(maxsize=64)
def place_of(object_id: str) -> tuple[str, str]:
    """Return account and region as an object's path says, "" for what it does not say.

    What stands nearest to the file's name counts: `AWSLogs/<organisation>/<account>/…/<region>/…`, and names
    such as `<account>_CloudTrail_<region>_…` (Amazon S3 layouts of the services' user guides).
    """
    accounts, regions = _ACCOUNT.findall(object_id), _REGION.findall(object_id)
    return accounts[-1] if accounts else "", regions[-1] if regions else ""


@lru_cache(maxsize=1024)
def region_of_zone(zone: str) -> str:
    """Return the region that an availability zone is in; a region is its own, "" for anything else."""
    found = _REGION.match(zone)
    return found[1] if found else ""
