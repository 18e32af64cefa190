"""Which addresses we may send to."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from webhooks import targets
from webhooks.targets import NameNotResolved, TargetRefused

PUBLIC = "93.184.215.14"


def resolver_of(*addresses: str) -> targets.Resolver:
    def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


def check(url: str, *addresses: str) -> targets.Target:
    return targets.check(url, resolver=resolver_of(*(addresses or (PUBLIC,))))


@pytest.fixture(autouse=True)
def _no_private_targets(settings: Settings) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = False


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "host_header"),
    [
        ("https://hooks.example.com", "hooks.example.com", 443, "/", "hooks.example.com"),
        ("https://hooks.example.com:443/a?b=c", "hooks.example.com", 443, "/a?b=c", "hooks.example.com"),
        ("HTTPS://Hooks.Example.COM.:8443/A", "hooks.example.com", 8443, "/A", "hooks.example.com:8443"),
        (
            "https://bücher.example/ä".replace("/ä", "/"),
            "xn--bcher-kva.example",
            443,
            "/",
            "xn--bcher-kva.example",
        ),
        (f"https://{PUBLIC}/x", PUBLIC, 443, "/x", PUBLIC),
        ("https://[2606:2800:21f::1]:9000/", "2606:2800:21f::1", 9000, "/", "[2606:2800:21f::1]:9000"),
    ],
)
def test_a_public_https_address_is_taken_apart(
    url: str, host: str, port: int, path: str, host_header: str
) -> None:
    target = check(url)

    assert (target.host, target.port, target.path, target.host_header) == (host, port, path, host_header)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "https:///path",
        "hooks.example.com",
        "//hooks.example.com",
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "gopher://hooks.example.com/",
        "javascript:alert(1)",
        "https:hooks.example.com",
        "https://user@hooks.example.com/",
        "https://user:pass@hooks.example.com/",
        "https://hooks.example.com@127.0.0.1/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com/#",
        "https://hooks.example.com:22/",
        "https://hooks.example.com:25/",
        "https://hooks.example.com:5432/",
        "https://hooks.example.com:6379/",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:65536/",
        "https://hooks.example.com:port/",
        "https://hooks.example.com:-1/",
        "https://hooks example.com/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/\r\nX: y",
        "https://hooks.example.com/\x00",
        "https://hooks.example.com/ä",
        "https://hooks.example.com\\@127.0.0.1/",
        "https://hooks%2eexample.com/",
        "https://[::1%25eth0]/",
        "https://[::1/",
        "https://[example.com]/",
        "https://-hooks.example.com/",
        "https://hooks..example.com/",
        "https://" + "a" * 64 + ".example.com/",
        "https://" + ".".join(["abc"] * 80) + "/",
        "https://hooks.example.com/" + "a" * 2000,
        " https://hooks.example.com/",
        "https://hooks.example.com/\u202e",
    ],
)
def test_an_address_that_is_not_plain_is_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        check(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.8.9.10",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::10.0.0.1]",
        "[64:ff9b:1::1]",
        "[2001::1]",
        "[2002:7f00:1::]",
        "[2001:db8::1]",
        "[3fff::1]",
        "[3fff:fff::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        # Other spellings of loopback, private and metadata addresses.
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "127.0.0.01",
        "0",
        "0x",
        "2852039166",
        "１２７.０.０.１",
        "127。0。0。1",
        "①②⑦.⓪.⓪.①",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "api.localhost",
        "printer.local",
        "metadata.google.internal",
        "intranet",
    ],
)
def test_an_inner_address_is_refused_in_every_spelling(host: str) -> None:
    with pytest.raises(TargetRefused):
        check(f"https://{host}/")


@pytest.mark.parametrize(
    "answers",
    [
        ("127.0.0.1",),
        (PUBLIC, "127.0.0.1"),
        (PUBLIC, "2606:2800:21f::1", "10.0.0.8"),
        ("::ffff:127.0.0.1",),
        ("fe80::1%eth0",),
        ("64:ff9b::a9fe:a9fe",),
    ],
)
def test_one_inner_address_among_those_of_a_name_refuses_it(answers: tuple[str, ...]) -> None:
    with pytest.raises(TargetRefused):
        check("https://hooks.example.com/", *answers)


def test_every_public_address_of_a_name_is_kept_for_the_connection() -> None:
    target = check("https://hooks.example.com/", PUBLIC, "2606:2800:21f::1", "64:ff9b::5db8:d70e")

    assert target.addresses == tuple(map(ip_address, [PUBLIC, "2606:2800:21f::1", "64:ff9b::5db8:d70e"]))


def test_a_name_without_an_address_is_told_apart() -> None:
    with pytest.raises(NameNotResolved):
        targets.check("https://hooks.example.com/", resolver=lambda host, port: ())


def test_a_name_is_resolved_once_and_a_literal_never() -> None:
    asked: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return [PUBLIC]

    targets.check("https://Hooks.Example.com.:8443/", resolver=resolve)
    targets.check(f"https://{PUBLIC}/", resolver=resolve)

    assert asked == [("hooks.example.com", 8443)]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "10.1.2.3", "192.168.0.9", "[fd12::1]", "localhost", "web"]
)
def test_private_targets_are_taken_where_the_installation_allows_them(host: str, settings: Settings) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = True

    target = check(f"http://{host}:8000/hook", "127.0.0.1")

    assert target.port == 8000
    assert not target.is_tls


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255", "[::]", "[fe80::1]", "2130706433"]
)
def test_even_then_metadata_multicast_and_odd_spellings_are_refused(host: str, settings: Settings) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = True

    with pytest.raises(TargetRefused):
        check(f"http://{host}/")


def test_a_refusal_repeats_nothing_of_the_address() -> None:
    for url in (
        "https://secret-token@example.com/",
        "https://secret-token.local/",
        "https://x.example/secret token",
    ):
        with pytest.raises(TargetRefused) as refused:
            check(url)
        assert "secret" not in refused.value.reason


@given(st.one_of(st.text(), st.text(alphabet="https:/@[]%.#?\\0x1a٣").map(lambda rest: f"https://{rest}")))
def test_no_address_raises_anything_but_the_refusal(url: str) -> None:
    try:
        target = check(url, "127.0.0.1")
    except TargetRefused:
        return
    assert all(targets.is_allowed(address) for address in target.addresses)
