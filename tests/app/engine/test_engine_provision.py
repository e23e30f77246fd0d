"""What a workspace is given before rows go into it; doing it again changes nothing."""

from __future__ import annotations

from tidewaiter.app.engine.destination import provision_lab
from tidewaiter.lab.server import Lab
from tidewaiter.pipeline.deliver import alerts
from tidewaiter.sentinel import Rules


def test_a_rule_that_is_as_it_should_be_is_not_written_again(tmp_path, monkeypatch):
    written = []
    put = Rules.put

    async def noted(self, name, definition, **options):
        written.append((name, options.get("etag")))
        return await put(self, name, definition, **options)

    monkeypatch.setattr(Rules, "put", noted)
    with Lab.open(tmp_path / "lab", clock="stream") as lab:
        provision_lab(lab)
        provision_lab(lab)
        assert written == [(alerts.RULE_ID, None)]

        disabled = alerts.render_rule(enabled=False)
        monkeypatch.setattr(alerts, "render_rule", lambda: disabled)
        provision_lab(lab)

    assert len(written) == 2
    assert written[1][1], "a change names the version that was read"
