"""``GET /v1/countries`` and the pinning of versions, contract sections 1.3 and 2.13."""

from iso3166 import countries

from onboarding.sandbox.state import JsonObject

_POSTAL_FORMATS = {
    "USA": r"\A\d{5}(-\d{4})?\Z",
    "MEX": r"\A\d{5}\Z",
    "BRA": r"\A\d{5}-?\d{3}\Z",
    "COL": r"\A\d{6}\Z",
    "CAN": r"\A[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d\Z",
    "GBR": r"\A[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\Z",
    "DEU": r"\A\d{5}\Z",
    "ESP": r"\A\d{5}\Z",
    "FIN": r"\A\d{5}\Z",
}
_USA = (
    "AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|DE Delaware|"
    "DC District of Columbia|FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|IN Indiana|IA Iowa|KS Kansas|"
    "KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts|MI Michigan|MN Minnesota|MS Mississippi|"
    "MO Missouri|MT Montana|NE Nebraska|NV Nevada|NH New Hampshire|NJ New Jersey|NM New Mexico|NY New York|"
    "NC North Carolina|ND North Dakota|OH Ohio|OK Oklahoma|OR Oregon|PA Pennsylvania|RI Rhode Island|"
    "SC South Carolina|SD South Dakota|TN Tennessee|TX Texas|UT Utah|VT Vermont|VA Virginia|WA Washington|"
    "WV West Virginia|WI Wisconsin|WY Wyoming"
)
_MEX = (
    "AGU Aguascalientes|BCN Baja California|BCS Baja California Sur|CAM Campeche|CHP Chiapas|CHH Chihuahua|"
    "CMX Ciudad de México|COA Coahuila|COL Colima|DUR Durango|GUA Guanajuato|GRO Guerrero|HID Hidalgo|"
    "JAL Jalisco|MEX México|MIC Michoacán|MOR Morelos|NAY Nayarit|NLE Nuevo León|OAX Oaxaca|PUE Puebla|"
    "QUE Querétaro|ROO Quintana Roo|SLP San Luis Potosí|SIN Sinaloa|SON Sonora|TAB Tabasco|TAM Tamaulipas|"
    "TLA Tlaxcala|VER Veracruz|YUC Yucatán|ZAC Zacatecas"
)
_SUBDIVISIONS = {"USA": _USA, "MEX": _MEX}
_ANY = r"\A.*\Z"


def country_table() -> JsonObject:
    """Every ISO country; subdivisions for the two that our examples live in."""
    data = [
        {
            "name": country.apolitical_name,
            "alpha3": country.alpha3,
            "postal_code_format": _POSTAL_FORMATS.get(country.alpha3, _ANY),
            "subdivisions": _subdivisions(country.alpha3),
        }
        for country in countries
    ]
    return {"count": len(data), "data": data}


def _subdivisions(alpha3: str) -> list[dict[str, str]]:
    listed = _SUBDIVISIONS.get(alpha3, "")
    pairs = (each.split(" ", 1) for each in listed.split("|") if each)
    return [{"name": name, "code": code} for code, name in pairs]
