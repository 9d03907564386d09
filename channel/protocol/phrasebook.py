"""The phrasebook: what parties say most, as codes with values, so that each side reads it in its own language.

Sentences are said by the author: "we" and "our" are the author's. Values are shown as they came, so sentences keep
them where no language must inflect them; places and times are in the volumes too, which each side sees in its own way.
Codes and the order of values never change their meaning; new codes may come. The statement's form is in
statements.py; whether an element fits its notice is the author's business.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from pydantic import ValidationError

from channel.protocol import limits
from channel.protocol.errors import UsageError
from channel.protocol.statements import Element

Language = Literal["en", "ru", "ar", "ku"]
LANGUAGES: tuple[Language, ...] = ("en", "ru", "ar", "ku")

_PLACEHOLDER = re.compile(r"\{(\d)\}")
_ISOLATE, _POP = "\u2068", "\u2069"
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


@dataclass(frozen=True, slots=True)
class Phrase:
    """One code: the names of its values in their order, and its sentence in each language. `ku` is Kurmanji."""

    values: tuple[str, ...]
    en: str
    ru: str
    ar: str
    ku: str

    def sentence(self, language: Language) -> str:
        """The template in that language, with {0}, {1}, ... for the values."""
        return {"en": self.en, "ru": self.ru, "ar": self.ar, "ku": self.ku}[language]


def render(element: Element, language: str) -> str:
    """The element as a sentence. An unknown code, or the wrong number of values, is shown as it is: code and values."""
    if language not in LANGUAGES:
        raise UsageError(f"a language is one of {', '.join(LANGUAGES)}, not {language!r}")
    phrase = PHRASES.get(element.code)
    shown = [_isolated(value, always=language == "ar") for value in element.values]
    if phrase is None or len(phrase.values) != len(shown):
        return f"[{element.code}]" + (" " if shown else "") + " · ".join(shown)
    return _PLACEHOLDER.sub(lambda match: shown[int(match[1])], phrase.sentence(language))


def element(code: str, values: Sequence[str]) -> Element:
    """An element that every party can read; UsageError names what the code needs."""
    phrase = PHRASES.get(code)
    if phrase is None:
        raise UsageError(f"no phrase {code!r}; there are: {', '.join(PHRASES)}")
    if len(values) != len(phrase.values):
        raise UsageError(f"{code} takes {len(phrase.values)} values ({', '.join(phrase.values)}), not {len(values)}")
    try:
        return Element(code=code, values=tuple(values))
    except ValidationError as error:
        raise UsageError(f"{code}: each value is 1 to {limits.NAME_CHARS_MAX} plain characters on one line") from error


def _isolated(value: str, *, always: bool) -> str:
    """A value that may run against the sentence's direction keeps its order, and leaves that of what is around it."""
    if always or any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in value):
        return f"{_ISOLATE}{value}{_POP}"
    return value


PHRASES: Mapping[str, Phrase] = MappingProxyType(
    {
        # --- where we are ---
        "own-position": Phrase(
            values=("unit", "place"),
            en="Our unit {0} is at {1}.",
            ru="Наше подразделение {0}; место: {1}.",
            ar="وحدتنا {0} موجودة في {1}.",
            ku="Yekîneya me {0} li {1} ye.",
        ),
        "own-moving": Phrase(
            values=("unit", "from place", "to place"),
            en="Our unit {0} is moving from {1} to {2}.",
            ru="Наше подразделение {0} движется; откуда: {1}, куда: {2}.",
            ar="وحدتنا {0} تتحرك من {1} إلى {2}.",
            ku="Yekîneya me {0} ji {1} ber bi {2} ve diçe.",
        ),
        "own-forward-line": Phrase(
            values=("place",),
            en="Our forward line runs through {0}.",
            ru="Наш передний край проходит через точку {0}.",
            ar="يمر خطنا الأمامي عبر {0}.",
            ku="Xeta me ya pêş di {0} re derbas dibe.",
        ),
        "no-own-forces": Phrase(
            values=("place",),
            en="We have no forces at {0}.",
            ru="Наших сил там нет; место: {0}.",
            ar="ليست لنا قوات في {0}.",
            ku="Hêzên me li {0} tune ne.",
        ),
        "place-corrected": Phrase(
            values=("wrong place", "right place"),
            en="The place given before was wrong: not {0} but {1}.",
            ru="Ранее указанное место неверно: не {0}, а {1}.",
            ar="الموقع الذي أعطيناه سابقاً خطأ: ليس {0} بل {1}.",
            ku="Cihê ku me berê dabû şaş bû: ne {0}, lê {1}.",
        ),
        # --- what we intend ---
        "strike-intended": Phrase(
            values=("place", "time"),
            en="We intend to strike at {0}; time: {1}.",
            ru="Намерены нанести удар; место: {0}, время: {1}.",
            ar="نعتزم توجيه ضربة إلى {0}؛ الوقت: {1}.",
            ku="Em ê li {0} êrîş bikin; dem: {1}.",
        ),
        "strike-cancelled": Phrase(
            values=("place",),
            en="Our strike at {0} is cancelled.",
            ru="Наш удар отменён; место: {0}.",
            ar="أُلغيت ضربتنا على {0}.",
            ku="Êrîşa me ya li {0} hate betalkirin.",
        ),
        "strike-over": Phrase(
            values=("place",),
            en="Our strike at {0} is over.",
            ru="Наш удар завершён; место: {0}.",
            ar="انتهت ضربتنا على {0}.",
            ku="Êrîşa me ya li {0} qediya.",
        ),
        "aircraft-active": Phrase(
            values=("area", "time"),
            en="Our aircraft will operate over {0}; time: {1}.",
            ru="Наша авиация будет действовать в районе {0}; время: {1}.",
            ar="ستعمل طائراتنا فوق {0}؛ الوقت: {1}.",
            ku="Balafirên me dê li ser {0} bifirin; dem: {1}.",
        ),
        "crossing-intended": Phrase(
            values=("place", "time"),
            en="We intend to cross the river at {0}; time: {1}.",
            ru="Намерены форсировать реку; место: {0}, время: {1}.",
            ar="نعتزم عبور النهر عند {0}؛ الوقت: {1}.",
            ku="Em ê li {0} ji çem derbas bibin; dem: {1}.",
        ),
        # --- what we ask of you ---
        "hold-fire": Phrase(
            values=("place",),
            en="Cease fire at {0}; our people are there.",
            ru="Прекратите огонь; место: {0}. Там наши люди.",
            ar="أوقفوا إطلاق النار على {0}؛ أفرادنا هناك.",
            ku="Li {0} agir rawestînin; mirovên me li wir in.",
        ),
        "do-not-advance": Phrase(
            values=("place",),
            en="Do not advance beyond {0}.",
            ru="Не продвигайтесь дальше рубежа {0}.",
            ar="لا تتقدموا إلى ما بعد {0}.",
            ku="Ji {0} wêdetir neçin.",
        ),
        "keep-clear": Phrase(
            values=("place", "distance"),
            en="Keep clear of {0} by at least {1}.",
            ru="Не приближайтесь к месту {0} ближе чем на {1}.",
            ar="ابقوا بعيدين عن {0} مسافة {1} على الأقل.",
            ku="Herî kêm {1} ji {0} dûr bimînin.",
        ),
        "request-call": Phrase(
            values=("whom", "until time"),
            en="Please telephone {0} no later than {1}.",
            ru="Просим позвонить: {0}, не позднее {1}.",
            ar="نرجو الاتصال هاتفياً: {0}، في موعد أقصاه {1}.",
            ku="Ji kerema xwe heta {1} telefonî {0} bikin.",
        ),
        "request-position": Phrase(
            values=("place",),
            en="Please tell us where your forces near {0} are.",
            ru="Просим сообщить, где находятся ваши силы вблизи места {0}.",
            ar="نرجو إبلاغنا بمواقع قواتكم قرب {0}.",
            ku="Ji kerema xwe bibêjin hêzên we yên nêzîkî {0} li ku ne.",
        ),
        # --- how it stands ---
        "fire-ceased": Phrase(
            values=("place", "time"),
            en="We have ceased fire at {0}; time: {1}.",
            ru="Мы прекратили огонь; место: {0}, время: {1}.",
            ar="أوقفنا إطلاق النار في {0}؛ الوقت: {1}.",
            ku="Me li {0} agir rawestand; dem: {1}.",
        ),
        "line-acknowledged": Phrase(
            values=("line",),
            en="We have taken note of the line {0}.",
            ru="Мы приняли к сведению линию {0}.",
            ar="أخذنا علماً بالخط {0}.",
            ku="Em ji xeta {0} agahdar in.",
        ),
        "line-crossed": Phrase(
            values=("line", "place"),
            en="Your forces have crossed the line {0} at {1}.",
            ru="Ваши силы пересекли линию {0}; место: {1}.",
            ar="تجاوزت قواتكم الخط {0} عند {1}.",
            ku="Hêzên we li {1} ji xeta {0} derbas bûn.",
        ),
        "cannot-comply": Phrase(
            values=("reason",),
            en="We cannot comply; reason: {0}.",
            ru="Выполнить не можем; причина: {0}.",
            ar="لا نستطيع التنفيذ؛ السبب: {0}.",
            ku="Em nikarin vê bikin; sedem: {0}.",
        ),
        # --- harm, and whom to spare ---
        "under-fire": Phrase(
            values=("place",),
            en="Our people at {0} are under fire; it may be yours.",
            ru="Наши люди под огнём, возможно вашим; место: {0}.",
            ar="أفرادنا في {0} تحت النار، وقد تكون نيرانكم.",
            ku="Mirovên me yên li {0} di bin agir de ne; dibe ku agirê we be.",
        ),
        "casualties-reported": Phrase(
            values=("place", "number"),
            en="Dead or wounded are reported at {0}; number: {1}.",
            ru="Сообщается об убитых или раненых; место: {0}, число: {1}.",
            ar="أُبلغ عن قتلى أو جرحى في {0}؛ العدد: {1}.",
            ku="Li {0} kuştî an birîndar hatine ragihandin; hejmar: {1}.",
        ),
        "medical-evacuation": Phrase(
            values=("place", "time"),
            en="We are evacuating wounded from {0}; time: {1}. Do not open fire.",
            ru="Вывозим раненых; место: {0}, время: {1}. Не открывайте огонь.",
            ar="نُجلي جرحى من {0}؛ الوقت: {1}. لا تطلقوا النار.",
            ku="Em birîndaran ji {0} derdixin; dem: {1}. Agir venekin.",
        ),
        "humanitarian-convoy": Phrase(
            values=("route", "number of vehicles"),
            en="Humanitarian convoy on the route {0}; vehicles: {1}. Do not attack it.",
            ru="Гуманитарная колонна; маршрут: {0}, машин: {1}. Не атакуйте её.",
            ar="قافلة إنسانية على الطريق {0}؛ عدد المركبات: {1}. لا تهاجموها.",
            ku="Karwanê alîkariya mirovî li ser rêya {0} ye; hejmara wesayîtan: {1}. Êrîşî wî nekin.",
        ),
        "hospital": Phrase(
            values=("name", "place"),
            en="Hospital: {0}, at {1}. Do not attack it.",
            ru="Больница: {0}, место: {1}. Не атакуйте её.",
            ar="مستشفى: {0}، في {1}. لا تهاجموه.",
            ku="Nexweşxane: {0}, li {1}. Êrîşî wê nekin.",
        ),
        "no-strike-site": Phrase(
            values=("name", "place"),
            en="Protected site: {0}, at {1}. Do not attack it.",
            ru="Охраняемый объект: {0}, место: {1}. Не атакуйте его.",
            ar="موقع محمي: {0}، في {1}. لا تهاجموه.",
            ku="Cihê parastî: {0}, li {1}. Êrîşî wî cihî nekin.",
        ),
    }
)
"""Code -> phrase. Append only: what was signed with a code keeps its meaning."""
