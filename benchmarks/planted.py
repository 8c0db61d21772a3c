"""Copies of texts, made by rule: what a gate row looks like when it comes back in training data."""

from __future__ import annotations

import html
import random
import re
import unicodedata
from collections.abc import Callable, Sequence

Change = Callable[[str, random.Random], str]

_SYNONYMS = (
    "want=wish need=require help=assist ordered=bought order=purchase bike=bicycle money=cash arrived=came "
    "broken=damaged delivery=shipment get=receive got=received says=claims man=guy people=folks big=large "
    "begin=start kids=children buy=purchase wrong=incorrect quickly=fast show=display new=recent still=yet "
    "first=earliest now=currently because=since after=following how=in_what_way why=for_what_reason "
    "möchte=will bitte=gern rad=fahrrad fahrrad=rad bestellt=gekauft bekommen=erhalten kaputt=defekt geld=betrag "
    "noch=immer_noch jetzt=nun heute=am_heutigen_tag oder=beziehungsweise leider=bedauerlicherweise nur=bloß "
    "quiero=deseo necesito=requiero bici=bicicleta dinero=importe pedido=encargo ahora=ya también=además "
    "llegó=vino rota=estropeada puedo=podría ayuda=asistencia hola=buenas"
)
_LONG_FORMS = (
    "don't=do_not can't=cannot i'm=i_am isn't=is_not it's=it_is didn't=did_not won't=will_not i've=i_have "
    "doesn't=does_not what's=what_is that's=that_is there's=there_is we're=we_are geht's=geht_es ich's=ich_es"
)
_BEFORE = ("please help: ", "Hello, ", "Question: ", "Guten Tag, ", "Hola, ", "Second try. ")
_AFTER = (" Thanks.", " please advise", " Danke!", " Gracias.", " Kind regards", "")
_FRAMES = ("{} Can you help?", "Once more: {}", "About this: {}", "{} Any ideas?", "Noch einmal: {}", "Otra vez: {}")


def _pairs(listed: str) -> dict[str, str]:
    return dict(pair.replace("_", " ").split("=") for pair in listed.split())


def verbatim(text: str, dice: random.Random) -> str:
    """The text itself."""
    return text


def respelled(text: str, dice: random.Random) -> str:
    """Another case, other punctuation or other white space."""
    changes: tuple[Callable[[], str], ...] = (
        lambda: f"  {text.upper()}\t",
        lambda: re.sub(r"[.,;:!?\"()]+", " ", text).lower(),
        lambda: "\n".join(text.split()) + "!!!",
        lambda: f"“{text.title()}”…",
    )
    return dice.choice(changes)()


def encoded(text: str, dice: random.Random) -> str:
    """HTML entities and tags, full-width letters, or decomposed accents with invisible characters in between."""
    changes: tuple[Callable[[], str], ...] = (
        lambda: f"<p>{html.escape(html.escape(text)).replace(' ', '&nbsp;', 3)}</p>",
        lambda: "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text),
        lambda: unicodedata.normalize("NFD", text.replace("'", "\u2019")).replace(" ", " \u200b"),
    )
    return dice.choice(changes)()


def resplit(text: str, dice: random.Random) -> str:
    """One sentence made two."""
    words = text.split()
    half = max(len(words) // 2, 1)
    return f"{' '.join(words[:half]).rstrip(',.')}. {' '.join(words[half:]).capitalize()}"


def reordered(text: str, dice: random.Random) -> str:
    """The second half first: sentences where there are several, words else."""
    parts = re.split(r"(?<=[.!?]) +", text)
    parts = parts if len(parts) > 1 else text.split()
    half = max(len(parts) // 2, 1)
    return " ".join(parts[half:] + parts[:half])


def mistyped(text: str, dice: random.Random) -> str:
    """One letter lost, doubled, or swapped with the next one."""
    words = text.split()
    long = [place for place, word in enumerate(words) if len(word) > 3 and word.isalpha()] or list(range(len(words)))
    place = dice.choice(long)
    word = words[place]
    at = dice.randrange(max(len(word) - 1, 1))
    head, here, after, tail = word[:at], word[at : at + 1], word[at + 1 : at + 2], word[at + 2 :]
    words[place] = dice.choice([head + after + tail, head + here + here + after + tail, head + after + here + tail])
    return " ".join(words)


def one_word_changed(text: str, dice: random.Random) -> str:
    """One word by a synonym; where none is known, one short word left out."""
    changed = _with_synonyms(text, 1, dice)
    if changed != text:
        return changed
    words = text.split()
    short = [place for place, word in enumerate(words) if len(word) <= 3] or list(range(len(words)))
    del words[dice.choice(short)]
    return " ".join(words) or text


def framed(text: str, dice: random.Random) -> str:
    """Something put before and after."""
    return dice.choice(_BEFORE) + text + dice.choice(_AFTER)


def reworded(text: str, dice: random.Random) -> str:
    """Contractions written out, up to two synonyms, and a frame: a light paraphrase."""
    long_forms = _pairs(_LONG_FORMS)
    words = [long_forms.get(word.lower(), word) for word in text.split()]
    return dice.choice(_FRAMES).format(_with_synonyms(" ".join(words), 2, dice))


def _with_synonyms(text: str, most: int, dice: random.Random) -> str:
    words, synonyms = text.split(), _pairs(_SYNONYMS)
    known = [place for place, word in enumerate(words) if word.lower().strip(".,;:!?") in synonyms]
    for place in dice.sample(known, min(most, len(known))):
        bare = words[place].strip(".,;:!?")
        words[place] = words[place].replace(bare, synonyms[bare.lower()])
    return " ".join(words)


SAME_WORDS: dict[str, Change] = {
    "verbatim": verbatim,
    "case, punctuation, white space": respelled,
    "HTML, Unicode": encoded,
    "sentence split": resplit,
}
"""Changes that leave the words and their order as they are: all of these must be found."""
LIGHT: dict[str, Change] = {
    "order swapped": reordered,
    "one typo": mistyped,
    "one word": one_word_changed,
    "text around it": framed,
    "light paraphrase": reworded,
}
"""Changes to few of the words."""


def plant(texts: Sequence[str], seed: int) -> dict[str, list[str]]:
    """Return a copy of each text for each kind of change; the same seed gives the same copies."""
    kinds = SAME_WORDS | LIGHT
    dice = {kind: random.Random(f"{seed} {kind}") for kind in kinds}
    return {kind: [change(text, dice[kind]) for text in texts] for kind, change in kinds.items()}
