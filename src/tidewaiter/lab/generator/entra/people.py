"""The people of the tenant: those who work in AWS, as personas know them, and their colleagues."""

from __future__ import annotations

from dataclasses import dataclass

from tidewaiter.lab.generator.company import DOMAIN, Company
from tidewaiter.lab.generator.draw import Draw
from tidewaiter.lab.generator.entra.tenant import PLACES, Place, object_id
from tidewaiter.lab.generator.personas import PERSONAS
from tidewaiter.lab.generator.personas.staff import AUSTIN, CHROME, FIREFOX, HAMBURG, MAC, WINDOWS, Staff
from tidewaiter.lab.generator.rhythm import OFFICE, Rhythm

_HOMES = {
    "henrik.sorensen": "Copenhagen",
    "tomas.ferreira": "Lisbon",
    "aoife.brennan": "Dublin",
    "lucia.ortega": "Madrid",
}
_BY_OFFSET = {1.0: "Hamburg", 0.0: "Lisbon", 5.5: "Pune", -5.0: "Austin", -6.0: "Austin"}
_COLLEAGUES = (
    ("hannah.voigt", "Hamburg"), ("jan.petersen", "Hamburg"), ("leyla.demir", "Hamburg"),
    ("moritz.kruse", "Hamburg"), ("sofie.brandt", "Hamburg"), ("karl.oster", "Hamburg"),
    ("inga.thomsen", "Copenhagen"), ("diogo.lopes", "Lisbon"), ("marta.reis", "Lisbon"),
    ("ciara.walsh", "Dublin"), ("pablo.serrano", "Madrid"), ("anjali.deshpande", "Pune"),
    ("rohan.kulkarni", "Pune"), ("emily.harper", "Austin"), ("luis.medina", "Austin"),
)  # fmt: skip
_OFFSETS = {"Pune": 5.5, "Austin": -5.0, "Lisbon": 0.0, "Dublin": 0.0}
_OFFICES = {"Hamburg": HAMBURG, "Austin": AUSTIN}
OFFICES = frozenset(_OFFICES.values())
"""Addresses that the tenant trusts as a named location."""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone with an account in the tenant; `address`, `agent` and device are the usual ones."""

    upn: str
    name: str
    object_id: str
    place: Place
    offset: float
    rhythm: Rhythm
    address: str
    agent: str
    device_id: str
    device: str
    system: str
    browser: str
    staff: bool


def people(company: Company) -> tuple[Person, ...]:
    """Return everyone: staff in the order of the personas, then colleagues."""
    staff = [_staff(company, kind(company)) for kind in PERSONAS if issubclass(kind, Staff)]
    colleagues = [_colleague(company, user, city) for user, city in _COLLEAGUES]
    return (*staff, *colleagues)


def _staff(company: Company, persona: Staff) -> Person:
    city = _HOMES.get(persona.user) or _BY_OFFSET.get(persona.utc_offset, "Hamburg")
    return _person(
        company,
        persona.user,
        city,
        persona.utc_offset,
        persona.rhythm,
        persona.address,
        persona.browser,
        True,
    )


def _colleague(company: Company, user: str, city: str) -> Person:
    draw = Draw(company.seed, "entra-person", user)
    address = _OFFICES.get(city) or f"198.51.100.{draw.whole(90, 220)}"
    agent = draw.pick((CHROME.format(os=WINDOWS), CHROME.format(os=WINDOWS), CHROME.format(os=MAC), FIREFOX))
    return _person(company, user, city, _OFFSETS.get(city, 1.0), OFFICE, address, agent, False)


def _person(
    company: Company,
    user: str,
    city: str,
    offset: float,
    rhythm: Rhythm,
    address: str,
    agent: str,
    staff: bool,
) -> Person:
    upn = f"{user}@{DOMAIN}"
    system = "Windows10" if "Windows" in agent else "MacOs" if "Mac OS" in agent else "Linux"
    return Person(
        upn=upn,
        name=" ".join(part.capitalize() for part in user.split(".")),
        object_id=object_id(company, upn),
        place=PLACES[city],
        offset=offset,
        rhythm=rhythm,
        address=address,
        agent=agent,
        device_id="" if system == "Linux" else company.uuid("device", upn),
        device="" if system == "Linux" else f"KR-{company.token(6, 'device', upn).upper()}",
        system=system,
        browser=browser_of(agent),
        staff=staff,
    )


def browser_of(agent: str) -> str:
    """Return a browser as Entra names it, for example `Chrome 145.0.0`; "" for what is no browser."""
    for product in ("Edg/", "Firefox/", "Chrome/", "Safari/"):
        if product in agent and agent.startswith("Mozilla/"):
            version = agent.split(product, 1)[1].split(" ", 1)[0]
            name = {"Edg/": "Edge"}.get(product, product.rstrip("/"))
            return f"{name} {'.'.join(version.split('.')[:3])}"
    return ""
