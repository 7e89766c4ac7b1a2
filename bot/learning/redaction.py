"""Redaction: personal data and secrets leave a text before it is kept as training data."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stdnum import iban, luhn

from bot.safety import MASK, mask_secrets


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text with placeholders such as [email], and the kinds of what was taken out, each once."""

    text: str
    kinds: tuple[str, ...] = ()


def redact(text: str) -> Redacted:
    """`text` without e-mail addresses, phone and card numbers, IBANs, IP and MAC addresses, ids, mentions,
    secrets, and what stands behind the question mark of a link.

    Addresses of the machine itself (127.0.0.1) stay: they tell nothing of anybody, and documents are full of them.
    """
    found: dict[str, None] = {}
    masked = mask_secrets(text)
    if masked != text:
        found["secret"] = None
    for kind, pattern, replace in _RULES:

        def put(match: re.Match[str], kind: str = kind, replace: Replace = replace) -> str:
            new = replace(match)
            if new != match[0]:
                found[kind] = None
            return new

        masked = pattern.sub(put, masked)
    return Redacted(masked, tuple(found))


Replace = Callable[[re.Match[str]], str]


def _link(match: re.Match[str]) -> str:
    """Without name and password, query and fragment; a link that is a key itself goes whole."""
    if _WEBHOOK.match(match["rest"]):
        return MASK
    return match["scheme"] + re.split(r"[?#]", match["rest"].rpartition("@")[2] if _login(match) else match["rest"])[0]


def _login(match: re.Match[str]) -> bool:
    return "@" in re.split(r"[/?#]", match["rest"])[0]


def _card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match[0])
    return "[card]" if 13 <= len(digits) <= 19 and len(set(digits)) > 1 and luhn.is_valid(digits) else match[0]


def _account(match: re.Match[str]) -> str:
    """The longest part from the front that is an IBAN; the words behind it stay."""
    for end in _ends(match[0]):
        if iban.is_valid(match[0][:end], check_country=False):
            return "[iban]" + match[0][end:]
    return match[0]


def _ends(text: str) -> Iterator[int]:
    return (end for end in range(len(text), 14, -1) if text[end - 1].isalnum())


def _address(match: re.Match[str]) -> str:
    words = match["address"].strip("[]").rstrip(".:")
    try:
        address = ipaddress.ip_address(words.partition("%")[0])
    except ValueError:
        return match[0]
    if address.is_loopback or address.is_unspecified:
        return match[0]
    return match[0].replace(words, "[ip]")


def _phone(match: re.Match[str]) -> str:
    digits = sum(character.isdigit() for character in match["number"])
    if not 7 <= digits <= 15 or _DATE.search(match["number"]):
        return match[0]
    return match[0].replace(match["number"], "[phone]")


def _handle(match: re.Match[str]) -> str:
    return match[0] if match["name"].lower().rstrip(".") in _NO_PERSON else "[person]"


def _random(match: re.Match[str]) -> str:
    """A long run of letters and digits that nobody types by hand."""
    run = match[0]
    mixed = sum(any(test(one) for one in run) for test in (str.isupper, str.islower, str.isdigit))
    hexadecimal = re.fullmatch(r"[0-9a-f]+|[0-9A-F]+", run) and any(one.isalpha() for one in run)
    return MASK if hexadecimal or (mixed == 3 and "/" not in run.strip("/=")[:-20]) else run


def _by(words: str) -> Replace:
    return lambda match: words


def _value(match: re.Match[str]) -> str:
    return match["name"] + MASK


_WEBHOOK = re.compile(r"hooks\.slack\.com/|(?:\w+\.)?discord(?:app)?\.com/api/webhooks/", re.I)
_DATE = re.compile(r"(?<!\d)(?:\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d|(?:19|20)\d\d[./-]\d{1,2}[./-]\d{1,2})(?!\d)")
# What follows an @ in code and in calls to everybody.
_NO_PERSON = frozenset(
    "everyone here channel media import property staticmethod classmethod override dataclass param return returns "
    "app pytest charset font-face keyframes supports layer container click component deprecated test".split()
)

# Possessive where a run could be tried from each of its characters: a long one must not take long.
_RULES: tuple[tuple[str, re.Pattern[str], Replace], ...] = (
    ("secret", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S),
     _by(MASK)),
    ("secret", re.compile(
        r"\b(?:AIza[\w-]{35}|(?:sk|rk|pk)_(?:live|test)_\w{10,}|whsec_\w{16,}|npm_\w{30,}|pypi-[\w-]{16,}|dop_v1_\w{32,}"
        r"|SG\.[\w-]{16,}\.[\w-]{16,}|(?:AC|SK)[0-9a-f]{32}|ya29\.[\w-]{20,}|EAA[A-Za-z0-9]{40,}|shp(?:at|ss|ca)_\w{20,}"
        r"|ASIA[0-9A-Z]{16}|\d{8,10}:[A-Za-z0-9_-]{35})"
    ), _by(MASK)),
    ("secret", re.compile(
        r"(?P<name>\b(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[ _-]?key|access[ _-]?key|client[ _-]?secret"
        r"|private[ _-]?key|auth[ _-]?token|pin(?: code)?|密码|mot de passe|passwort|contraseña)\b"
        r"(?:\s*(?:=|:|：)\s*|\s+(?:is|lautet|est|es)\s+(?=\S*[\d!@#$%^&*_-]))[\"'`]?)(?![\"'`]?\[secret\])"
        r"(?P<value>[^\s\"'`,;]{4,})", re.I
    ), _value),
    ("secret", re.compile(r"(?P<name>\b(?:bearer|basic)\s+)(?P<value>[\w.~+/-]{16,}=*)", re.I), _value),
    ("link", re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]{1,15}://)(?P<rest>[^\s<>\"'`)\]]*[^\s<>\"'`)\].,;:!?])", re.I),
     _link),
    ("link", re.compile(r"(?P<scheme>(?<![\w.-]))(?P<rest>(?:[\w-]++\.)++[a-z]{2,10}(?:/[^\s?<>]*)?"
                        r"\?[^\s<>\"'`)\]]*=[^\s<>\"'`)\]]*)", re.I), _link),
    ("email", re.compile(r"(?<![\w.+%'-])[\w.+%'-]++@[\w-]+(?:\.[\w-]+)+"), _by("[email]")),
    ("email", re.compile(
        r"(?<![\w.+-])[\w.+-]++\s*+[\[({]\s*(?:at|@)\s*[\])}]\s*[\w-]+"
        r"(?:\s*(?:[\[({]\s*(?:dot|\.)\s*[\])}]|\.)\s*[\w-]+)+", re.I
    ), _by("[email]")),
    ("email", re.compile(r"(?<![\w.+-])[\w.+-]++ at [\w-]+ dot (?:com|org|net|io|edu|gov|de|fr|co|uk|info)\b", re.I),
     _by("[email]")),
    ("iban", re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}\b", re.I), _account),
    ("card", re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?!\d)"), _card),
    ("person", re.compile(r"<(?:@[!&]?|#|!subteam\^)[A-Za-z0-9]+(?:\|[^>]*)?>|<mailto:[^>]*>|<tel:[^>]*>"),
     _by("[person]")),
    ("person", re.compile(r"(?<![\w@/.`\\])@(?P<name>[A-Za-z_][\w.-]{1,31})(?![\w/(])"), _handle),
    ("ip", re.compile(r"(?<![\w.])(?<!version )(?<!Version )(?<!release )"
                      r"(?P<address>(?:\d{1,3}\.){3}\d{1,3})(?!\w|\.\d)"), _address),
    ("ip", re.compile(r"(?<![\w:.])(?P<address>\[?(?:[0-9A-Fa-f]{0,4}:){2,7}"
                      r"(?:[0-9A-Fa-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?(?:%\w+)?\]?)(?![\w:])"), _address),
    ("device", re.compile(r"(?<![\w:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![\w:-])"), _by("[device]")),
    ("id", re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])"), _by("[id]")),
    ("id", re.compile(r"(?<![\d.,])\d{17,20}(?![\d.,]\d|\d)|\b[UW]0[A-Z0-9]{7,9}\b"), _by("[id]")),
    ("phone", re.compile(r"(?P<number>(?<![\w+])(?:\+|00(?=[1-9]))\d(?:[ ().\-/]{0,2}\d){6,14})(?!\d)"), _phone),
    # North America, with or without brackets; Japan, Britain, France, Germany and others from a leading zero.
    ("phone", re.compile(r"(?<![\w.$€£-])(?P<number>(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4})"
                         r"(?![\d.-]*\d)"), _phone),
    ("phone", re.compile(r"(?<![\w.,$€£:/-])(?P<number>\(?0[1-9]\d{0,4}\)?(?:[ ./-]{0,3}\d{1,8}){1,5})(?![\d,:]*\d)"),
     lambda match: _phone(match) if sum(one.isdigit() for one in match["number"]) >= 9 else match[0]),
    # Mobile numbers of China and India, and ten digits that begin as an American number does.
    ("phone", re.compile(r"(?<![\w.-])(?P<number>1[3-9]\d(?:[ -]?\d{4}){2}|[6-9]\d{4}[ -]\d{5}|[2-9]\d\d[2-9]\d{6})"
                         r"(?![\w-]|\.\d)"), _phone),
    ("phone", re.compile(
        r"\b(?:phone|tel|telephone|mobile|cell|call|text|whatsapp|fax|sms|ring|dial|reach|telefon|handy|téléphone"
        r"|teléfono|móvil|number is)\b[^\d\n]{0,25}?(?P<number>(?<!\w)[(]?\d(?:[ ().\-/]{0,2}\d){6,14})(?!\d)", re.I
    ), _phone),
    ("phone", re.compile(r"(?:电话|手机|電話|携帯)[^\d\n]{0,8}(?P<number>\d(?:[ \-]?\d){6,14})(?!\d)"), _phone),
    ("secret", re.compile(r"(?<![\w/+=-])[A-Za-z0-9_+/-]{32,}={0,2}(?![\w/+-])"), _random),
)  # fmt: skip
"""In this order: a link may hold an address, and a long number may look like a phone's."""
