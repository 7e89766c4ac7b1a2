"""Tongues: what the bot's own buttons and choices say in the languages that its commands are named in."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("zh", "es", "fr", "de", "ja")
NAMED = ("zh-CN", "es-ES", "fr", "de", "ja")
"""The same as commands call them."""

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

# What can be chosen in a command's option.
_CHOICES: Mapping[str, tuple[str, str, str, str, str]] = {
    "Neutral": ("中性", "Neutro", "Neutre", "Neutral", "ふつう"),
    "Formal": ("正式", "Formal", "Formel", "Förmlich", "丁寧"),
    "Friendly": ("亲切", "Cercano", "Amical", "Freundlich", "親しい"),
    "beginner": ("初级", "principiante", "débutant", "Anfänger", "初級"),
    "intermediate": ("中级", "intermedio", "intermédiaire", "Mittelstufe", "中級"),
    "advanced": ("高级", "avanzado", "avancé", "Fortgeschrittene", "上級"),
    "Lesson": ("讲解", "Lección", "Leçon", "Lektion", "レッスン"),
    "Only hints at first": (
        "先只给提示", "Primero solo pistas", "D’abord des indices", "Erst nur Hinweise", "まずヒントだけ",
    ),
    "Practise a language": (
        "练习一门语言", "Practicar un idioma", "Pratiquer une langue", "Eine Sprache üben", "言語の練習",
    ),
    "Quiz me": ("考考我", "Examíname", "Interrogez-moi", "Frag mich ab", "クイズ"),
    "My cards": ("我的卡片", "Mis tarjetas", "Mes cartes", "Meine Karten", "自分のカード"),
    "Export my cards": (
        "导出我的卡片", "Exportar mis tarjetas", "Exporter mes cartes", "Meine Karten exportieren", "カードを書き出す",
    ),
    "Story": ("故事", "Cuento", "Histoire", "Geschichte", "物語"),
    "Script": ("剧本", "Guion", "Scénario", "Drehbuch", "脚本"),
    "Poem": ("诗", "Poema", "Poème", "Gedicht", "詩"),
    "Role-play": ("角色扮演", "Juego de rol", "Jeu de rôle", "Rollenspiel", "ロールプレイ"),
    "In turns": ("轮流", "Por turnos", "Chacun son tour", "Reihum", "順番に"),
    "By vote": ("投票", "Por votación", "Par vote", "Per Abstimmung", "投票で"),
    "headlines to pick from": (
        "可供挑选的标题", "titulares para elegir", "des titres au choix", "Schlagzeilen zur Wahl", "見出しの候補",
    ),
    "a news article": ("新闻稿", "una noticia", "un article de presse", "ein Zeitungsartikel", "ニュース記事"),
    "a report": ("报告", "un informe", "un rapport", "ein Bericht", "報告書"),
    "a technical document": (
        "技术文档", "un documento técnico", "un document technique", "ein technisches Dokument", "技術文書",
    ),
    "an e-mail": ("电子邮件", "un correo", "un courriel", "eine E-Mail", "メール"),
    "an outline, then chapter by chapter": (
        "先大纲，再逐章", "un esquema y luego capítulo a capítulo", "un plan, puis chapitre par chapitre",
        "erst eine Gliederung, dann Kapitel für Kapitel", "構成案のあと章ごとに",
    ),
    "short": ("短", "corto", "court", "kurz", "短い"),
    "medium": ("中等", "medio", "moyen", "mittel", "中くらい"),
    "long": ("长", "largo", "long", "lang", "長い"),
    "Points": ("要点", "Puntos", "Points", "Stichpunkte", "箇条書き"),
    "One sentence": ("一句话", "Una frase", "Une phrase", "Ein Satz", "一文で"),
    "list": ("列出", "mostrar", "lister", "auflisten", "一覧"),
    "add": ("添加", "añadir", "ajouter", "hinzufügen", "追加"),
    "remove": ("移除", "quitar", "retirer", "entfernen", "削除"),
    "show what I remember here": (
        "显示我在这里记住的内容", "mostrar lo que recuerdo aquí", "montrer ce que je retiens ici",
        "zeigen, was ich mir hier gemerkt habe", "ここで覚えていることを表示",
    ),
    "forget something": ("忘记某件事", "olvidar algo", "oublier quelque chose", "etwas vergessen", "何かを忘れる"),
    "export everything I keep of you": (
        "导出我保存的关于你的一切", "exportar todo lo que guardo de ti", "exporter tout ce que je garde de vous",
        "alles exportieren, was ich von dir habe", "保存している内容をすべて書き出す",
    ),
    "keep nothing from now on": (
        "从现在起什么都不保存", "no guardar nada desde ahora", "ne plus rien garder",
        "ab jetzt nichts mehr behalten", "今後は何も保存しない",
    ),
    "remember again": ("重新开始记忆", "volver a recordar", "retenir de nouveau", "wieder merken", "また覚える"),
    "show what is kept of me and what has learned from it": (
        "显示保存了我的什么、用于学习了什么", "mostrar qué se guarda de mí y qué aprendió de ello",
        "montrer ce qui est gardé de moi et ce qui en a appris",
        "zeigen, was von mir bewahrt ist und was daraus gelernt hat", "自分について保存・学習されたことを表示",
    ),
    "say whether my words may train: on or off": (
        "我的话能否用于训练：on 或 off", "decir si mis palabras pueden entrenar: on u off",
        "dire si mes mots peuvent servir à l’entraînement : on ou off",
        "sagen, ob meine Worte trainieren dürfen: on oder off", "自分の言葉を学習に使えるか：on か off",
    ),
    "export everything you keep of me": (
        "导出你保存的关于我的一切", "exportar todo lo que guardas de mí", "exporter tout ce que tu gardes de moi",
        "alles exportieren, was du von mir hast", "自分について保存された内容をすべて書き出す",
    ),
    "delete everything you keep of me": (
        "删除你保存的关于我的一切", "borrar todo lo que guardas de mí", "supprimer tout ce que tu gardes de moi",
        "alles löschen, was du von mir hast", "自分について保存された内容をすべて削除",
    ),
}  # fmt: skip


def choice_names(label: str) -> Mapping[str, str]:
    """A choice's label by language, as names of commands are given; those that need no word are left out."""
    translated = _CHOICES.get(label) or _LABELS.get(label)
    return dict(zip(NAMED, translated, strict=True)) if translated is not None else {}


def labelled(words: str, locale: str) -> str:
    """What stands on a button, for a reader of `locale`; as it is where there is no word for it."""
    code = locale.partition("-")[0].lower()
    translated = _LABELS.get(words)
    return translated[LANGUAGES.index(code)] if translated is not None and code in LANGUAGES else words
