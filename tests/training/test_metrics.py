"""The measures, against values worked out by hand or by others."""

from __future__ import annotations

import pytest

from models.training import metrics


def test_the_sign_test_wants_as_many_wins_as_the_table_says() -> None:
    needed = {5: 5, 8: 7, 10: 9, 12: 10, 16: 12, 20: 15}
    for n, wins in needed.items():
        assert metrics.sign_test(wins, n - wins) <= 0.05
        assert metrics.sign_test(wins - 1, n - wins + 1) > 0.05


def test_an_interval_tells_how_little_few_answers_say() -> None:
    low, high = metrics.wilson(8, 10)
    assert (low, high) == (pytest.approx(0.49, abs=0.01), pytest.approx(0.943, abs=0.01))
    assert metrics.wilson(0, 0) == (0.0, 1.0)
    assert metrics.wilson(16, 16)[1] == 1.0


def test_rouge_counts_words_of_any_script() -> None:
    assert metrics.rouge(["猫在垫子上"], ["猫在垫子上"])["rouge1"] == 1.0
    assert metrics.rouge(["the cat sat"], ["the cat ran"])["rouge1"] == pytest.approx(2 / 3, abs=1e-3)


def _middle(values: list[float]) -> tuple[float, float]:
    return metrics.bootstrap(len(values), lambda drawn: metrics.mean([values[at] for at in drawn]))


def test_a_mean_has_an_interval_that_narrows_with_more_texts() -> None:
    few, many = _middle([0.0, 1.0] * 5), _middle([0.0, 1.0] * 50)
    assert few == (pytest.approx(0.2, abs=0.11), pytest.approx(0.8, abs=0.11))
    assert many == (pytest.approx(0.4, abs=0.03), pytest.approx(0.6, abs=0.03))
    assert _middle([0.4] * 8) == (pytest.approx(0.4), pytest.approx(0.4))
    assert _middle([]) == (0.0, 0.0)
    # scipy.stats.bootstrap(([0.1, 0.2, 0.4, 0.9],), numpy.mean, method="percentile") gives 0.175 to 0.75
    assert _middle([0.1, 0.2, 0.4, 0.9]) == (pytest.approx(0.175, abs=0.03), pytest.approx(0.75, abs=0.03))
    # texts that share nothing with their references
    assert metrics.corpus_chrf(["xyz", "xyz"], ["abc", "abc"])["chrf_interval"] == [0.0, 0.0]


def test_chrf_is_between_nothing_and_all() -> None:
    assert metrics.chrf("the same words", "the same words") == pytest.approx(1.0)
    assert metrics.chrf("qqq", "the same words") < 0.1
    told = metrics.corpus_chrf(["the cat sat", "on a mat"], ["the cat ran", "off the mat"])
    assert "nc:6" in str(told["signature"])
    low, high = told["chrf_interval"]  # type: ignore[misc]
    assert low <= told["chrf"] <= high


def test_variety_loops_and_grounds() -> None:
    assert metrics.distinct(["a b a b"], 1) == 0.5
    assert metrics.loops("on and on it goes " * 8) > 0.5
    assert metrics.loops("every word of this one sentence stands here for the first time") == 0.0
    assert metrics.grounded("Parcels take 4 days", "We send parcels; they take 4 days.") == 1.0
    assert metrics.grounded("Parcels take 9 weeks", "We send parcels; they take 4 days.") == 0.5
