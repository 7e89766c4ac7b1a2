"""Names and descriptions of options in the languages of the platforms, where the declaration would drown in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

LANGUAGES = ("zh-CN", "es-ES", "fr", "de", "ja")

# Option: its name in each of LANGUAGES, then its description in each.
_TABLE = {
    "write.kind": (
        ("类型", "tipo", "genre", "art", "種類"),
        ("要写什么", "Qué escribir", "Ce qu’il faut écrire", "Was geschrieben werden soll", "何を書くか"),
    ),
    "write.facts": (
        ("事实", "hechos", "faits", "fakten", "事実"),
        (
            "内容：要使用的事实", "De qué trata: los hechos que usar", "Le sujet : les faits à utiliser",
            "Worum es geht: die Fakten", "内容：使う事実",
        ),
    ),
    "write.length": (
        ("长度", "longitud", "longueur", "laenge", "長さ"),
        ("多长", "Cómo de largo", "La longueur voulue", "Wie lang", "どのくらいの長さか"),
    ),
    "write.tone": (
        ("语气", "tono", "ton", "ton", "口調"),
        (
            "语气，如正式或亲切", "En qué tono, como formal o cálido", "Sur quel ton, par exemple formel ou chaleureux",
            "In welchem Ton, etwa förmlich oder herzlich", "口調（例：丁寧、親しみやすい）",
        ),
    ),
    "write.audience": (
        ("读者", "publico", "public", "publikum", "読者"),
        ("写给谁", "Para quién", "Pour qui", "Für wen", "誰に向けて"),
    ),
    "write.language": (
        ("语言", "idioma", "langue", "sprache", "言語"),
        ("用哪种语言", "En qué idioma", "Dans quelle langue", "In welcher Sprache", "どの言語で"),
    ),
    "support.question": (
        ("问题", "pregunta", "question", "frage", "質問"),
        ("你想知道什么", "Lo que quieres saber", "Ce que vous voulez savoir", "Was du wissen willst", "知りたいこと"),
    ),
    "memory.action": (
        ("操作", "accion", "action", "aktion", "操作"),
        ("要做什么", "Qué hacer", "Ce qu’il faut faire", "Was zu tun ist", "何をするか"),
    ),
    "memory.what": (
        ("内容", "que", "quoi", "was", "内容"),
        (
            "用于 forget：事实中的词、`here` 或 `everything`",
            "Para forget: palabras de un hecho, `here` o `everything`",
            "Pour forget : des mots d’un fait, `here` ou `everything`",
            "Für forget: Wörter einer Tatsache, `here` oder `everything`",
            "forget 用：事実の言葉、`here`、`everything`",
        ),
    ),
    "privacy.action": (
        ("操作", "accion", "action", "aktion", "操作"),
        ("要做什么", "Qué hacer", "Ce qu’il faut faire", "Was zu tun ist", "何をするか"),
    ),
    "privacy.what": (
        ("内容", "que", "quoi", "was", "内容"),
        (
            "用于 training：on 或 off；用于 forget：everything",
            "Para training: on u off; para forget: everything",
            "Pour training : on ou off ; pour forget : everything",
            "Für training: on oder off; für forget: everything",
            "training 用：on か off；forget 用：everything",
        ),
    ),
    "remember.fact": (
        ("事实", "hecho", "fait", "tatsache", "事柄"),
        ("要记住什么", "Qué recordar", "Ce qu’il faut retenir", "Was ich mir merken soll", "覚えておくこと"),
    ),
    "story.party": (
        ("多人", "grupo", "groupe", "runde", "みんなで"),
        (
            "多人一起：轮流，或投票决定接下来发生什么", "Para varios: por turnos, o votando qué pasa después",
            "À plusieurs : à tour de rôle, ou en votant la suite", "Für mehrere: der Reihe nach, oder per Abstimmung",
            "複数人で：順番に、または次の展開を投票で",
        ),
    ),
    "help.command": (
        ("命令", "comando", "commande", "befehl", "コマンド"),
        (
            "要解释的命令", "El comando que explicar", "La commande à expliquer", "Der Befehl, der erklärt wird",
            "説明するコマンド",
        ),
    ),
}  # fmt: skip


class Wording(TypedDict):
    names: Mapping[str, str]
    descriptions: Mapping[str, str]


def worded(option: str) -> Wording:
    """What `Option` takes for `command.option`."""
    names, descriptions = _TABLE[option]
    return {
        "names": dict(zip(LANGUAGES, names, strict=True)),
        "descriptions": dict(zip(LANGUAGES, descriptions, strict=True)),
    }
