"""Tongues: what the bot's own buttons say in the languages that its commands are named in."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("zh", "es", "fr", "de", "ja")

# What stands on a button in English, then in each of LANGUAGES.
_LABELS: Mapping[str, tuple[str, str, str, str, str]] = {
    "Stop": ("停止", "Parar", "Arrêter", "Stopp", "停止"),
    "Retry": ("重试", "Reintentar", "Réessayer", "Nochmal", "やり直す"),
    "Continue": ("继续", "Continuar", "Continuer", "Weiter", "続ける"),
    "Undo": ("撤销", "Deshacer", "Annuler", "Zurücknehmen", "取り消す"),
    "Edit": ("编辑", "Editar", "Modifier", "Bearbeiten", "編集"),
    "Why": ("为什么", "Por qué", "Pourquoi", "Warum", "理由"),
    "Flag": ("举报", "Avisar", "Signaler", "Melden", "報告"),
    "Sources": ("来源", "Fuentes", "Sources", "Quellen", "出典"),
    "Share": ("分享", "Compartir", "Partager", "Teilen", "共有"),
    "Export": ("导出", "Exportar", "Exporter", "Exportieren", "書き出す"),
    "Solved": ("已解决", "Resuelto", "Résolu", "Gelöst", "解決"),
    "Ask a person": ("找人工", "Hablar con alguien", "Demander à quelqu’un", "Einen Menschen fragen", "人に聞く"),
    "More formal": ("更正式", "Más formal", "Plus formel", "Förmlicher", "もっと丁寧に"),
    "Friendlier": ("更亲切", "Más cercano", "Plus amical", "Freundlicher", "もっと親しく"),
    "Shorter": ("更短", "Más corto", "Plus court", "Kürzer", "短く"),
    "Longer": ("更长", "Más largo", "Plus long", "Länger", "長く"),
    "Warmer": ("更温暖", "Más cálido", "Plus chaleureux", "Herzlicher", "温かく"),
    "Fix grammar": ("改语法", "Corregir gramática", "Corriger la grammaire", "Grammatik prüfen", "文法を直す"),
    "One more": ("再来一题", "Otro más", "Encore un", "Noch eins", "もう一問"),
    "Next step": ("下一步", "Siguiente paso", "Étape suivante", "Nächster Schritt", "次の手順"),
    "Show the whole solution": (
        "显示完整解答", "Ver la solución", "Voir la solution", "Ganze Lösung zeigen", "解答をすべて見る",
    ),
    "Simpler": ("更简单", "Más sencillo", "Plus simple", "Einfacher", "もっとやさしく"),
    "Keep as a card": ("存为卡片", "Guardar como tarjeta", "Garder en carte", "Als Karte merken", "カードにする"),
    "Show the answer": ("显示答案", "Ver la respuesta", "Voir la réponse", "Antwort zeigen", "答えを見る"),
    "Go on": ("继续", "Seguir", "Continuer", "Weiter", "進む"),
    "Roll d20": ("掷 d20", "Tirar d20", "Lancer d20", "d20 würfeln", "d20を振る"),
    "Pass over": ("跳过", "Pasar turno", "Passer le tour", "Übergehen", "順番を飛ばす"),
    "Count the votes": ("计票", "Contar los votos", "Compter les votes", "Stimmen zählen", "集計する"),
    "Answer the edited question": (
        "回答修改后的问题", "Responder a la pregunta editada", "Répondre à la question modifiée",
        "Geänderte Frage beantworten", "編集後の質問に答える",
    ),
}  # fmt: skip


def labelled(words: str, locale: str) -> str:
    """What stands on a button, for a reader of `locale`; as it is where there is no word for it."""
    code = locale.partition("-")[0].lower()
    translated = _LABELS.get(words)
    return translated[LANGUAGES.index(code)] if translated is not None and code in LANGUAGES else words
