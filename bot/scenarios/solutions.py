"""Solutions worked out by code, step by step, for sums and equations that a small model gets wrong."""

from __future__ import annotations

import ast
import random
import re
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from typing import Literal

from bot.scenarios.algebra import NotAlgebra, Polynomial, combined, equations, number, polynomial, root, tree

MOST_STEPS = 8
_BEYOND = re.compile(
    r"\b(deriv|differentiat|integra|limit|factor|plot|graph|prove|why|modul|matri|log|sin|cos|tan)", re.IGNORECASE
)
# Around a sum nothing else is expected: "What happened in 1914-1918?" is none.
_ASKING = frozenset(
    "a and answer by calculate compute cubed divided do does equal equals evaluate find for how i in is it me "
    "minus much multiplied of out per cent percent please plus result root simplify solve square squared sum "
    "terms the times to value what whats work would you".split()
)
_SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "×", ast.Div: "÷"}


Kind = Literal["linear", "quadratic", "pair", "sum", "fraction", "percent", "terms"]


@dataclass(frozen=True, slots=True)
class Solution:
    """A worked problem. `kind` is what it is about; `values` are all values of each unknown, a sum's under ""."""

    kind: Kind
    problem: str
    steps: tuple[str, ...]
    answer: str
    proof: str = ""
    values: dict[str, tuple[Fraction, ...]] = field(default_factory=dict)

    def accepts(self, words: str) -> bool | None:
        """Whether `words` give the right result; None when they give none."""
        told = results(words)
        if not told or not self.values:
            return None
        if len(self.values) > 1:
            return all(dict(told).get(name) in values for name, values in self.values.items())
        wanted = next(iter(self.values.values()))
        if len(wanted) == 1:
            return told[-1][1] == wanted[0]
        return {value for _, value in told} == set(wanted)

    def partly(self, words: str) -> bool:
        """Whether `words` give some of several right results, and no wrong one."""
        told = {value for _, value in results(words)}
        wanted = {value for values in self.values.values() for value in values}
        return bool(told) and told < wanted


def solution(text: str) -> Solution | None:
    """The problem in `text` worked out; None when it holds none, or more than is understood here."""
    if _BEYOND.search(text):
        return None
    try:
        found = equations(text)
        if len(found) == 1 and found[0].count("=") == 0:
            asking = {word.lower() for word in re.findall(r"[^\W\d_]{2,}", text)} <= _ASKING
            return _sum(found[0]) if asking else None
        if len(found) == 1 and found[0].count("=") == 1:
            return _equation(found[0])
        if len(found) == 2 and all(one.count("=") == 1 for one in found):
            return _pair(found[0], found[1])
    except NotAlgebra:
        pass
    return None


def results(words: str) -> list[tuple[str, Fraction]]:
    """What somebody says comes out: (unknown, value), the unknown "" for a bare number."""
    told: list[tuple[str, Fraction]] = []
    for name, value in re.findall(r"(?:\b([a-z])\s*(?:=|is)\s*)?([-−]?\d+(?:[./]\d+)?)", words):
        try:
            told.append((name, Fraction(value.replace("−", "-"))))
        except (ValueError, ZeroDivisionError):
            continue
    named = [pair for pair in told if pair[0]]
    return named or told


def another(solved: Solution, seed: int) -> Solution | None:
    """A problem of the same kind with other whole numbers and a whole result."""
    draw = random.Random(seed)
    # Who was not asked for a negative number before is not surprised by one; 0 and 1 teach little.
    positive = all(value > 0 for several in solved.values.values() for value in several)
    least = 2 if positive else -999
    for _ in range(400):
        changed = solution(re.sub(r"\d+", lambda match: str(_near(int(match[0]), draw)), solved.problem))
        if changed is None or changed.problem == solved.problem or len(changed.values) != len(solved.values):
            continue
        values = [value for several in changed.values.values() for value in several]
        if values and all(value.denominator == 1 and least <= value < 1000 for value in values):
            return changed
    return None


def _near(value: int, draw: random.Random) -> int:
    return value if value < 2 else draw.randint(2, max(9, min(value * 2, 999)))


def _sum(expression: str) -> Solution:
    node = tree(expression)
    decimal = "." in expression or "/100*" in expression
    steps: list[str] = []
    value = _reduced(node, steps, decimal)
    problem = _readable(expression)
    if value.variables:
        return Solution(
            "terms", problem, (f"Collect like terms: {problem} = {value.written(decimal)}",), value.written(decimal)
        )
    result = value.coefficient()
    answer = number(result, decimal)
    steps = [*steps[-MOST_STEPS:]] or [f"{problem} = {answer}"]
    kind: Kind = "percent" if "/100*" in expression else "fraction" if "/" in problem else "sum"
    return Solution(kind, problem, tuple(steps), answer, "", {"": (result,)})


def _reduced(node: ast.expr, steps: list[str], decimal: bool) -> Polynomial:
    """The value of a tree; each operation on numbers is written to `steps`, innermost first."""
    if not isinstance(node, ast.BinOp):
        return polynomial(node)
    left, right = _reduced(node.left, steps, decimal), _reduced(node.right, steps, decimal)
    value = combined(left, node.op, right)
    if value.variables or left.variables or right.variables:
        return value
    one, two, result = left.coefficient(), right.coefficient(), value.coefficient()
    if isinstance(node.op, ast.Pow):
        steps.append(f"{number(one, decimal)}^{two} = {number(result, decimal)}")
    elif isinstance(node.op, ast.Div) and not decimal and result.denominator != 1:
        pass  # 3/4 is a number already
    else:
        if isinstance(node.op, ast.Add | ast.Sub) and not decimal and one.denominator != two.denominator:
            steps.append(_same_denominator(one, two))
        shown = [f"({number(n, decimal)})" if n < 0 else number(n, decimal) for n in (one, two)]
        steps.append(f"{shown[0]} {_SIGNS[type(node.op)]} {shown[1]} = {number(result, decimal)}")
    return value


def _same_denominator(one: Fraction, two: Fraction) -> str:
    common = lcm(one.denominator, two.denominator)
    parts = (f"{n} = {n.numerator * (common // n.denominator)}/{common}" for n in (one, two))
    return "Write both with the same denominator: " + " and ".join(parts)


def _equation(expression: str) -> Solution:
    left, right = (polynomial(tree(side)) for side in expression.split("="))
    names = tuple(sorted({*left.variables, *right.variables}))
    if len(names) != 1:
        raise NotAlgebra("one unknown was expected")
    degree = (left - right).degree
    if degree <= 1 and max(left.degree, right.degree) <= 1:
        return _linear(expression, left, right, names[0])
    if degree == 2:
        return _quadratic(expression, left - right, names[0])
    raise NotAlgebra("degree")


def _linear(expression: str, left: Polynomial, right: Polynomial, name: str) -> Solution:
    decimal = "." in expression
    problem, steps = _readable(expression), list[str]()
    if not left.coefficient(name) and right.coefficient(name):
        left, right = right, left

    def state(words: str) -> None:
        steps.append(f"{words}: {left.written(decimal)} = {right.written(decimal)}")

    if _bare(f"{left.written(decimal)} = {right.written(decimal)}") != _bare(problem):
        state("Tidy both sides")
    for part in (_only(right, name), _only(left, "")):
        if part.terms:
            left, right = left - part, right - part
            size = next(iter(part.terms.values()))
            verb, shown = ("Subtract", part) if size > 0 else ("Add", -part)
            state(f"{verb} {shown.written(decimal)} {'from' if size > 0 else 'to'} both sides")
    factor = left.coefficient(name)
    if not factor:
        answer = "every number is a solution" if not right.terms else "there is no solution"
        return Solution("linear", problem, tuple(steps), answer)
    value = right.coefficient() / factor
    right, left = Polynomial.constant(value), Polynomial.variable(name)
    if factor.numerator == 1 and factor.denominator != 1:
        state(f"Multiply both sides by {factor.denominator}")
    elif factor != 1:
        state(f"Divide both sides by {number(factor, decimal)}")
    answer = f"{name} = {number(value, decimal)}"
    return Solution(
        "linear", problem, tuple(steps) or (answer,), answer, _put_in(expression, name, value), {name: (value,)}
    )


def _only(side: Polynomial, name: str) -> Polynomial:
    term = ((name, 1),) if name else ()
    return Polynomial({term: side.terms[term]} if term in side.terms else {})


def _put_in(expression: str, name: str, value: Fraction) -> str:
    """The equation with the value put in: "2 × 4 + 3 = 11"."""
    if value.denominator != 1:
        return ""
    shown = f"({value})" if value < 0 else str(value)
    return _readable(re.sub(rf"\b{name}\b", shown, expression)).replace("*", " × ")


def _quadratic(expression: str, whole: Polynomial, name: str) -> Solution:
    a, b, c = whole.coefficient(name, 2), whole.coefficient(name), whole.coefficient()
    inside = b * b - 4 * a * c
    steps = [
        f"Bring everything to one side: {whole.written()} = 0",
        f"Read off a = {a}, b = {b}, c = {c}, so b² - 4ac = {inside}",
    ]
    problem = _readable(expression)
    if inside < 0:
        return Solution(
            "quadratic", problem, (*steps, "A negative number has no square root"), "there is no real solution"
        )
    try:
        distance = root(inside)
    except NotAlgebra:
        answer = f"{name} = ({-b} ± √{inside}) / {2 * a}"
        return Solution("quadratic", problem, (*steps, f"Use {name} = (-b ± √(b² - 4ac)) / 2a"), answer)
    roots = sorted({(-b - distance) / (2 * a), (-b + distance) / (2 * a)})
    steps.append(f"The square root of {inside} is {distance}; use {name} = (-b ± {distance}) / 2a")
    answer = " or ".join(f"{name} = {value}" for value in roots)
    return Solution(
        "quadratic", problem, tuple(steps), answer, _put_in(expression, name, roots[0]), {name: tuple(roots)}
    )


def _pair(first: str, second: str) -> Solution:
    """Two linear equations in two unknowns, by elimination."""
    sides = [[polynomial(tree(side)) for side in one.split("=")] for one in (first, second)]
    whole = [left - right for left, right in sides]
    names = tuple(sorted({*whole[0].variables, *whole[1].variables}))
    if len(names) != 2 or any(one.degree != 1 for one in whole):
        raise NotAlgebra("two unknowns in two linear equations were expected")
    (a, b, e), (c, d, f) = ((one.coefficient(names[0]), one.coefficient(names[1]), -one.coefficient()) for one in whole)
    problem = f"{_readable(first)}, {_readable(second)}"
    if a * d == b * c:
        same = a * f == c * e and b * f == d * e
        return Solution("pair", problem, (), "there are endless solutions" if same else "there is no solution")
    x, y = (e * d - b * f) / (a * d - b * c), (a * f - e * c) / (a * d - b * c)
    steps = (
        *_eliminated(names, (a, b, e), (c, d, f)),
        f"So {names[0]} = {x}",
        f"Put {names[0]} = {x} into one of the equations: {names[1]} = {y}",
    )
    return Solution("pair", problem, steps, f"{names[0]} = {x}, {names[1]} = {y}", "", {names[0]: (x,), names[1]: (y,)})


Row = tuple[Fraction, Fraction, Fraction]


def _eliminated(names: tuple[str, ...], one: Row, two: Row) -> list[str]:
    """The steps that leave the first unknown alone."""
    if not one[1] or not two[1]:
        alone = one if not one[1] else two
        return [f"One equation has {names[0]} alone: {_row(names, alone)}"]
    both_whole = one[1].denominator == two[1].denominator == 1
    whole = Fraction(lcm(int(one[1]), int(two[1]))) if both_whole else Fraction(1)
    steps: list[str] = []
    rows: list[Row] = []
    for word, row in (("first", one), ("second", two)):
        factor = whole / abs(row[1])
        grown: Row = (row[0] * factor, row[1] * factor, row[2] * factor)
        if factor != 1:
            steps.append(f"Multiply the {word} equation by {factor}: {_row(names, grown)}")
        rows.append(grown)
    sign = -1 if (rows[0][1] > 0) == (rows[1][1] > 0) else 1
    result = tuple(left + sign * right for left, right in zip(*rows, strict=True))
    verb = "Add both equations" if sign > 0 else "Subtract the second equation from the first"
    steps.append(f"{verb}: {_row(names, (result[0], result[1], result[2]))}")
    return steps


def _row(names: tuple[str, ...], row: Row) -> str:
    left = Polynomial({((name, 1),): value for name, value in zip(names, row, strict=False) if value})
    return f"{left.written()} = {row[2]}"


def _readable(expression: str) -> str:
    """A Python expression as a person writes it: "2x + 3 = 11"."""
    text = re.sub(r"sqrt\((\d+)\)", r"√\1", expression).replace("**2", "²").replace("**3", "³").replace("**", "^")
    text = re.sub(r"(?<=[\d)])\*(?=[a-z(])", "", text)
    text = re.sub(r"(?<=[a-z\d)²³])([-+=])", r" \1 ", text)
    return text.replace("/100*", "% of ").replace("*", " × ").replace("/", " ÷ " if " ÷ " in text else "/")


def _bare(text: str) -> str:
    return text.replace(" ", "")
