"""Small algebra, exact: sums and equations read out of plain words, without ever running them as code."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

Monomial = tuple[tuple[str, int], ...]
"""Variables with their powers, sorted; () is the constant."""

MOST_CHARACTERS = 300
MOST_BITS = 512
MOST_POWER = 12

_SPOKEN = (
    (re.compile(r"(?<=\d),(?=\d{3}\b)"), ""),
    (re.compile(r"(\d(?:\.\d+)?)\s*(?:%|percent|per cent)\s+of\b", re.I), r"\1/100*"),
    (re.compile(r"\b(?:the\s+)?square root of\b|√", re.I), " sqrt "),
    (re.compile(r"\bdivided by\b|÷", re.I), "/"),
    (re.compile(r"\bmultiplied by\b|\btimes\b|[×·⋅]", re.I), "*"),
    (re.compile(r"\bplus\b", re.I), "+"),
    (re.compile(r"\bminus\b|[−–]", re.I), "-"),
    (re.compile(r"\bequals\b", re.I), "="),
    (re.compile(r"\bsquared\b|²", re.I), "^2"),
    (re.compile(r"\bcubed\b|³", re.I), "^3"),
)
_PIECE = re.compile(r"\d+(?:\.\d+)?|sqrt|[A-Za-z]+|\*\*|[-+*/^=()]|\S")
_OPERATORS = frozenset("+-*/^=")


class NotAlgebra(Exception):
    """The text is none of the algebra that is understood here."""


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A sum of terms with exact coefficients; terms that came to 0 are left out."""

    terms: Mapping[Monomial, Fraction]

    @classmethod
    def constant(cls, value: Fraction) -> Polynomial:
        return cls({(): value} if value else {})

    @classmethod
    def variable(cls, name: str) -> Polynomial:
        return cls({((name, 1),): Fraction(1)})

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(sorted({name for term in self.terms for name, _ in term}))

    @property
    def degree(self) -> int:
        return max((sum(power for _, power in term) for term in self.terms), default=0)

    def coefficient(self, name: str = "", power: int = 1) -> Fraction:
        """The coefficient of `name` to `power`; without a name, the constant."""
        return self.terms.get(((name, power),) if name else (), Fraction(0))

    def __add__(self, other: Polynomial) -> Polynomial:
        terms = dict(self.terms)
        for term, value in other.terms.items():
            terms[term] = terms.get(term, Fraction(0)) + value
        return _bounded(terms)

    def __neg__(self) -> Polynomial:
        return Polynomial({term: -value for term, value in self.terms.items()})

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + -other

    def __mul__(self, other: Polynomial) -> Polynomial:
        terms: dict[Monomial, Fraction] = {}
        for left, left_value in self.terms.items():
            for right, right_value in other.terms.items():
                powers = dict(left)
                for name, power in right:
                    powers[name] = powers.get(name, 0) + power
                term = tuple(sorted(powers.items()))
                terms[term] = terms.get(term, Fraction(0)) + left_value * right_value
        return _bounded(terms)

    def __truediv__(self, other: Polynomial) -> Polynomial:
        if other.variables or not other.terms:
            raise NotAlgebra("division by something else than a number")
        return self * Polynomial.constant(1 / other.coefficient())

    def __pow__(self, power: int) -> Polynomial:
        result = Polynomial.constant(Fraction(1))
        for _ in range(power):
            result = result * self
        return result

    def written(self, decimal: bool = False) -> str:
        """The sum as one writes it by hand: "2x + 3"; `decimal`: 0.5 rather than 1/2, where it is exact."""
        ordered = sorted(self.terms.items(), key=lambda item: (-sum(power for _, power in item[0]), item[0]))
        text = ""
        for term, value in ordered:
            sign = ("-" if value < 0 else "") if not text else (" - " if value < 0 else " + ")
            text += sign + _term(term, abs(value), decimal)
        return text or "0"


def _term(term: Monomial, size: Fraction, decimal: bool) -> str:
    letters = "".join(name + ("" if power == 1 else "²" if power == 2 else f"^{power}") for name, power in term)
    if letters and size == 1:
        return letters
    figure = number(size, decimal)
    return f"({figure}){letters}" if letters and "/" in figure else figure + letters


def _bounded(terms: Mapping[Monomial, Fraction]) -> Polynomial:
    for term, value in terms.items():
        if max(value.numerator.bit_length(), value.denominator.bit_length()) > MOST_BITS:
            raise NotAlgebra("too large")
        if sum(power for _, power in term) > MOST_POWER:
            raise NotAlgebra("too high a power")
    return Polynomial({term: value for term, value in terms.items() if value})


def number(value: Fraction, decimal: bool = False) -> str:
    """An exact number as one writes it: 4, 7/3; `decimal`: 2.5 rather than 5/2, where it is exact."""
    if decimal and 10**9 % value.denominator == 0 and abs(value) < 10**12:
        return f"{value.numerator * (10**9 // value.denominator) / 10**9:.9f}".rstrip("0").rstrip(".")
    return str(value)


def equations(text: str) -> list[str]:
    """The sums and equations in `text`, as Python expressions around "="; the words around them are left out."""
    for pattern, written in _SPOKEN:
        text = pattern.sub(written, text[:MOST_CHARACTERS])
    runs: list[list[str]] = [[]]
    for piece in _PIECE.findall(text):
        if piece == "sqrt" or (len(piece) == 1 and piece.isalpha()) or piece[0].isdigit() or piece in "**-+*/^=()":
            runs[-1].append(piece)
        elif piece.isalpha() and len(piece) == 2 and "=" in text and piece.lower() not in _SHORT_WORDS:
            runs[-1] += list(piece)  # "xy" beside an equation
        else:
            runs.append([])
    found = (_expression(_trimmed(run)) for run in runs)
    return [expression for expression in found if expression]


_SHORT_WORDS = frozenset("am an as at be by do go he if in is it me my no of on or so to up us we".split())


def _trimmed(run: list[str]) -> list[str]:
    """A run without the lone letters of prose at its ends ("a", "I") and a last "=" with nothing behind."""
    while len(run) > 1 and run[0].isalpha() and run[0] != "sqrt" and run[1] not in _OPERATORS:
        run = run[1:]
    while len(run) > 1 and run[-1].isalpha() and run[-2] not in _OPERATORS and not run[-2].isdigit():
        run = run[:-1]
    while run and run[-1] in "=":
        run = run[:-1]
    known = any(piece in _OPERATORS or piece == "sqrt" for piece in run) and any(piece[0].isalnum() for piece in run)
    return run if known else []


def _expression(run: list[str]) -> str:
    """The run as an expression, with the multiplication signs that people leave out."""
    parts: list[str] = []
    for piece in run:
        before = parts[-1] if parts else ""
        ends_value = before not in ("", "sqrt") and (before[-1].isalnum() or before == ")")
        if ends_value and (piece[0].isalnum() or piece == "("):
            parts.append("*")
        if before == "sqrt" and piece != "(":
            piece = f"({piece})"
        parts.append("**" if piece == "^" else piece)
    return "".join(parts)


def tree(expression: str) -> ast.expr:
    """The expression's tree, with nothing in it but what is understood. Raises NotAlgebra."""
    try:
        parsed = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise NotAlgebra(expression) from error
    for node in ast.walk(parsed):
        if not isinstance(node, _ALLOWED):
            raise NotAlgebra(type(node).__name__)
    return parsed


_ALLOWED = (
    ast.BinOp, ast.UnaryOp, ast.Constant, ast.Name, ast.Call, ast.Load,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.UAdd,
)  # fmt: skip


def polynomial(node: ast.expr) -> Polynomial:
    """The value of a tree. Raises NotAlgebra."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return Polynomial.constant(Fraction(str(value)))
        case ast.Name(id=name) if len(name) == 1:
            return Polynomial.variable(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -polynomial(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return polynomial(operand)
        case ast.Call(func=ast.Name(id="sqrt"), args=[argument], keywords=[]):
            return Polynomial.constant(root(_plain_number(polynomial(argument))))
        case ast.BinOp(left=left, op=operator, right=right):
            return combined(polynomial(left), operator, polynomial(right))
    raise NotAlgebra(ast.dump(node))


def combined(left: Polynomial, operator: ast.operator, right: Polynomial) -> Polynomial:
    """One operation. Raises NotAlgebra."""
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.Pow():
            power = _plain_number(right)
            if power.denominator != 1 or not 0 <= power <= MOST_POWER:
                raise NotAlgebra("power")
            return left ** int(power)
    raise NotAlgebra(type(operator).__name__)


def root(value: Fraction) -> Fraction:
    """The exact square root. Raises NotAlgebra when there is none."""
    if value >= 0:
        top, bottom = isqrt(value.numerator), isqrt(value.denominator)
        if (top * top, bottom * bottom) == (value.numerator, value.denominator):
            return Fraction(top, bottom)
    raise NotAlgebra("no exact root")


def _plain_number(value: Polynomial) -> Fraction:
    if value.variables:
        raise NotAlgebra("a number was expected")
    return value.coefficient()
