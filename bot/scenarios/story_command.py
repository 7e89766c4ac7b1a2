"""The declaration of /story."""

from __future__ import annotations

from bot.commands import Choice, Command, Option
from bot.scenarios.characters import BUILT_IN
from bot.scenarios.wordings import worded

GENRES = (
    "fantasy", "adventure", "mystery", "science fiction", "fairy tale", "horror", "comedy", "romance", "historical",
    "detective", "western", "fable",
)  # fmt: skip


def suggest_genre(typed: str, locale: str) -> list[Choice]:
    return [Choice(genre, genre) for genre in GENRES if typed.lower() in genre]


def suggest_persona(typed: str, locale: str) -> list[Choice]:
    return [Choice(one.name, f"{one.name}, {one.description}"[:100]) for one in BUILT_IN
            if typed.lower() in one.name.lower()]  # fmt: skip


COMMAND = Command(
    name="story",
    description="Begin a story, a script, a poem or a role-play",
    options=(
        Option(
            "theme",
            "What it is about",
            rest=True,
            names={"zh-CN": "主题", "es-ES": "tema", "fr": "theme", "de": "thema", "ja": "テーマ"},
            descriptions={
                "zh-CN": "讲什么",
                "es-ES": "De qué trata",
                "fr": "De quoi il s'agit",
                "de": "Worum es geht",
                "ja": "何についての話か",
            },
        ),
        Option(
            "form",
            "What it becomes",
            kind="choice",
            choices=(
                Choice("story", "Story"),
                Choice("script", "Script"),
                Choice("poem", "Poem"),
                Choice("roleplay", "Role-play"),
            ),
            names={"zh-CN": "形式", "es-ES": "forma", "fr": "forme", "de": "form", "ja": "形式"},
            descriptions={
                "zh-CN": "故事、剧本、诗或角色扮演",
                "es-ES": "Cuento, guion, poema o juego de rol",
                "fr": "Histoire, scénario, poème ou jeu de rôle",
                "de": "Geschichte, Szene, Gedicht oder Rollenspiel",
                "ja": "物語、脚本、詩、ロールプレイ",
            },
        ),
        Option(
            "genre",
            "Its genre, such as fantasy",
            suggest=suggest_genre,
            names={"zh-CN": "体裁", "es-ES": "genero", "fr": "genre", "de": "genre", "ja": "ジャンル"},
            descriptions={
                "zh-CN": "体裁，例如奇幻",
                "es-ES": "El género, por ejemplo fantasía",
                "fr": "Le genre, par exemple fantastique",
                "de": "Das Genre, etwa Fantasy",
                "ja": "ジャンル（例：ファンタジー）",
            },
        ),
        Option(
            "characters",
            "Who is in it, with commas between",
            names={"zh-CN": "人物", "es-ES": "personajes", "fr": "personnages", "de": "figuren", "ja": "登場人物"},
            descriptions={
                "zh-CN": "出场人物，用逗号分隔",
                "es-ES": "Quién aparece, separado por comas",
                "fr": "Qui y figure, séparé par des virgules",
                "de": "Wer vorkommt, durch Kommas getrennt",
                "ja": "登場人物（カンマ区切り）",
            },
        ),
        Option(
            "persona",
            "Whom I play: a name, or “Nia: a shy botanist”; or attach a character card",
            suggest=suggest_persona,
            names={"zh-CN": "角色", "es-ES": "papel", "fr": "role", "de": "rolle", "ja": "役"},
            descriptions={
                "zh-CN": "我扮演谁：名字，或“尼娅：害羞的植物学家”",
                "es-ES": "A quién interpreto: un nombre, o «Nia: una botánica tímida»",
                "fr": "Qui je joue : un nom, ou « Nia : une botaniste timide »",
                "de": "Wen ich spiele: ein Name, oder „Nia: eine scheue Botanikerin“",
                "ja": "演じる役：名前、または「ニア：内気な植物学者」",
            },
        ),
        Option(
            "action",
            "Go on with the last story here, or export it",
            kind="choice",
            choices=(Choice("continue", "Continue"), Choice("export", "Export")),
            names={"zh-CN": "操作", "es-ES": "accion", "fr": "action", "de": "aktion", "ja": "操作"},
            descriptions={
                "zh-CN": "继续这里的上一个故事，或导出",
                "es-ES": "Seguir con el último cuento de aquí, o exportarlo",
                "fr": "Continuer la dernière histoire ici, ou l'exporter",
                "de": "Die letzte Geschichte hier fortsetzen oder exportieren",
                "ja": "ここでの最後の話を続ける、または書き出す",
            },
        ),

        Option(
            "party", "For several players: in turns, or by vote on what happens next", kind="choice",
            choices=(Choice("turns", "In turns"), Choice("vote", "By vote")), **worded("story.party"),
        ),
    ),
    examples=(
        "/story a shy dragon who is afraid of fire",
        "/story form:poem the sea in winter",
        "/story form:script characters:\"Anna, Ben\" a lost key",
        '/story persona:"Captain Mara" a harbour tavern at night',
        "/story party:turns a lighthouse without a keeper",
        "/story action:export",
    ),
    help=(
        "Afterwards simply write what should happen next, or press Continue. Retry keeps the earlier version, "
        "Undo takes the last part back, Edit lets you change it. Dice are thrown where you name them: d20, 2d6+1. "
        "With party:, several players tell it in a thread."
    ),
    names={"zh-CN": "故事", "es-ES": "cuento", "fr": "histoire", "de": "geschichte", "ja": "物語"},
    descriptions={
        "zh-CN": "开始一个故事、剧本、诗或角色扮演",
        "es-ES": "Empieza un cuento, un guion, un poema o un juego de rol",
        "fr": "Commencer une histoire, un scénario, un poème ou un jeu de rôle",
        "de": "Beginne eine Geschichte, eine Szene, ein Gedicht oder ein Rollenspiel",
        "ja": "物語、脚本、詩、ロールプレイを始める",
    },
)  # fmt: skip
